import { Anchor, AppShell, Burger, Button, Container, Group, NavLink, useMantineColorScheme } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { Link, Redirect, Route, Switch, useLocation } from "wouter";
import { useAccount } from "./backend.ts";
import { AccountPage } from "./pages/Account.tsx";
import { ForgotPassword, NewPassword, SignIn, SignUp } from "./pages/Auth.tsx";
import { BuilderPage } from "./pages/Builder.tsx";
import { CreditsPage } from "./pages/Credits.tsx";
import { GalleryPage } from "./pages/Gallery.tsx";
import { GeneratePage } from "./pages/Generate.tsx";
import { KeysPage } from "./pages/Keys.tsx";
import { PlansPage } from "./pages/Plans.tsx";
import { PublicStrategyPage } from "./pages/PublicStrategy.tsx";
import { StrategiesPage } from "./pages/Strategies.tsx";
import { useSession } from "./session.tsx";
import { supabase } from "./supabase.ts";

/** The pages in the navigation, for a signed-in user and for a visitor. */
const personalPages = [
  { path: "/", label: "My strategies", component: StrategiesPage },
  { path: "/generate", label: "Generate", component: GeneratePage },
  { path: "/gallery", label: "Gallery", component: GalleryPage },
  { path: "/keys", label: "Model keys", component: KeysPage },
  { path: "/credits", label: "Credits", component: CreditsPage },
  { path: "/plans", label: "Plans", component: PlansPage },
  { path: "/account", label: "Account", component: AccountPage },
];
const visitorPages = [
  { path: "/gallery", label: "Gallery", component: GalleryPage },
  { path: "/plans", label: "Plans", component: PlansPage },
  { path: "/sign-in", label: "Sign in", component: SignIn },
  { path: "/sign-up", label: "Sign up", component: SignUp },
];

export function App() {
  const session = useSession();
  const [location] = useLocation();
  const [opened, { toggle, close }] = useDisclosure();
  const pages = session ? personalPages : visitorPages;

  return (
    <AppShell
      header={{ height: 56 }}
      navbar={{ width: 200, breakpoint: "sm", collapsed: { mobile: !opened } }}
      padding="md"
    >
      <AppShell.Header>
        <Group h="100%" px="md" justify="space-between" wrap="nowrap">
          <Group gap="xs" wrap="nowrap">
            <Burger opened={opened} onClick={toggle} hiddenFrom="sm" size="sm" aria-label="Navigation" />
            <Anchor component={Link} href="/" fw={700} c="bright" underline="never" visibleFrom="xs">
              Strategy builder
            </Anchor>
          </Group>
          <Controls />
        </Group>
      </AppShell.Header>

      <AppShell.Navbar p="xs">
        <nav aria-label="Pages">
          {pages.map(({ path, label }) => (
            <NavLink
              key={path}
              component={Link}
              href={path}
              label={label}
              active={location === path}
              {...(location === path ? { "aria-current": "page" } : {})}
              onClick={close}
            />
          ))}
        </nav>
      </AppShell.Navbar>

      <AppShell.Main>
        <Container size="lg" px={0}>
          <Switch>
            {pages.map(({ path, component }) => (
              <Route key={path} path={path} component={component} />
            ))}
            <Route path="/gallery/:id">{({ id }) => <PublicStrategyPage id={id} />}</Route>
            <Route path="/forgot-password" component={ForgotPassword} />
            {session && <Route path="/new-password" component={NewPassword} />}
            {session && (
              <Route path="/strategies/:id">{({ id }) => <BuilderPage key={id} id={id === "new" ? null : id} />}</Route>
            )}
            <Route>
              <Redirect to={session ? "/" : "/sign-in"} />
            </Route>
          </Switch>
        </Container>
      </AppShell.Main>
    </AppShell>
  );
}

/** The buttons in the header: balance, theme and sign-out. */
function Controls() {
  const session = useSession();
  const { data: account } = useAccount();
  const { toggleColorScheme } = useMantineColorScheme();
  return (
    <Group gap="xs" wrap="nowrap">
      {account && (
        <Button component={Link} href="/credits" variant="light" size="compact-sm">
          {account.credits} {account.credits === 1 ? "credit" : "credits"}
        </Button>
      )}
      <Button variant="default" size="compact-sm" onClick={toggleColorScheme}>
        Theme
      </Button>
      {session && (
        <Button variant="default" size="compact-sm" onClick={() => supabase.auth.signOut()}>
          Sign out
        </Button>
      )}
    </Group>
  );
}
