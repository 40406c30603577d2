import {
  Anchor,
  AppShell,
  Burger,
  Button,
  Container,
  Group,
  NavLink,
  Text,
  useMantineColorScheme,
} from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import type { ReactNode } from "react";
import { Link, Redirect, Route, Switch, useLocation } from "wouter";
import { useAccount } from "./backend.ts";
import { AccountPage } from "./pages/Account.tsx";
import { ForgotPassword, NewPassword, SignIn, SignUp } from "./pages/Auth.tsx";
import { BuilderPage } from "./pages/Builder.tsx";
import { CreditsPage } from "./pages/Credits.tsx";
import { GalleryPage } from "./pages/Gallery.tsx";
import { KeysPage } from "./pages/Keys.tsx";
import { PlansPage } from "./pages/Plans.tsx";
import { PublicStrategyPage } from "./pages/PublicStrategy.tsx";
import { StrategiesPage } from "./pages/Strategies.tsx";
import { useSession } from "./session.tsx";
import { supabase } from "./supabase.ts";

const personalPages = [
  { path: "/", label: "My strategies" },
  { path: "/gallery", label: "Gallery" },
  { path: "/keys", label: "Model keys" },
  { path: "/credits", label: "Credits" },
  { path: "/plans", label: "Plans" },
  { path: "/account", label: "Account" },
];
const visitorPages = [
  { path: "/gallery", label: "Gallery" },
  { path: "/plans", label: "Plans" },
  { path: "/sign-in", label: "Sign in" },
  { path: "/sign-up", label: "Sign up" },
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
            <Anchor component={Link} href="/" fw={700} c="bright" underline="never">
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
            <Route path="/gallery" component={GalleryPage} />
            <Route path="/gallery/:id">{({ id }) => <PublicStrategyPage id={id} />}</Route>
            <Route path="/plans" component={PlansPage} />
            <Route path="/sign-in">{session ? <Redirect to="/" /> : <SignIn />}</Route>
            <Route path="/sign-up">{session ? <Redirect to="/" /> : <SignUp />}</Route>
            <Route path="/forgot-password" component={ForgotPassword} />
            <Personal path="/new-password" page={<NewPassword />} />
            <Personal path="/strategies/new" page={<BuilderPage key="new" id={null} />} />
            <Route path="/strategies/:id">
              {({ id }) => (session ? <BuilderPage key={id} id={id} /> : <Redirect to="/sign-in" />)}
            </Route>
            <Personal path="/keys" page={<KeysPage />} />
            <Personal path="/credits" page={<CreditsPage />} />
            <Personal path="/account" page={<AccountPage />} />
            <Personal path="/" page={<StrategiesPage />} />
            <Route>
              <Text>There is no such page.</Text>
            </Route>
          </Switch>
        </Container>
      </AppShell.Main>
    </AppShell>
  );
}

/** A page for a person who is signed in. A visitor is sent to sign in. */
function Personal({ path, page }: { path: string; page: ReactNode }) {
  const session = useSession();
  return <Route path={path}>{session ? page : <Redirect to="/sign-in" />}</Route>;
}

/** The balance, the colours and the way out, in the head of every page. */
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
