import { Anchor, Button, SimpleGrid, Stack, Table, Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation } from "@tanstack/react-query";
import type { StrategyComponent, StrategyDocument } from "pinebase";
import { Link, useLocation } from "wouter";
import { forkStrategy, useStrategy } from "../backend.ts";
import { slots } from "../builder/draft.ts";
import { Author, ErrorSentence, Facts, Loaded, Moment, PageHead, Section } from "../parts.tsx";
import { useSession } from "../session.tsx";

/** One published strategy, to read and to fork. */
export function PublicStrategyPage({ id }: { id: string }) {
  return <Loaded query={useStrategy(id)}>{(strategy) => <PublicStrategy strategy={strategy} />}</Loaded>;
}

function PublicStrategy({ strategy }: { strategy: StrategyDocument }) {
  const session = useSession();
  const [, navigate] = useLocation();
  const fork = useMutation({
    mutationFn: () => forkStrategy(strategy.strategy_id),
    onSuccess: (own) => {
      notifications.show({ message: "The copy is yours. Only you can see it." });
      navigate(`/strategies/${own.strategy_id}`);
    },
  });

  return (
    <>
      <PageHead title={strategy.name}>
        <Button disabled={!session} onClick={() => fork.mutate()} loading={fork.isPending}>
          {session ? "Fork" : "Sign in to fork"}
        </Button>
      </PageHead>
      <Stack>
        <ErrorSentence error={fork.error} />
        <Facts of={strategy}>
          <Author name={strategy.author} />
        </Facts>
        {strategy.description && <Text>{strategy.description}</Text>}
        <Text size="sm" c="dimmed">
          Version {strategy.version_number}, <Moment at={strategy.updated_at} />
          {strategy.forked_from && (
            <>
              {", "}
              <Anchor component={Link} href={`/gallery/${strategy.forked_from}`} size="sm">
                forked from another strategy
              </Anchor>
            </>
          )}
        </Text>
        <SimpleGrid cols={{ base: 1, sm: 2 }}>
          {slots.map(({ type, label }) => (
            <Section key={type} title={label}>
              <Components of={strategy.components.filter(({ component_type }) => component_type === type)} />
            </Section>
          ))}
        </SimpleGrid>
      </Stack>
    </>
  );
}

function Components({ of }: { of: StrategyComponent[] }) {
  if (of.length === 0) return <Text c="dimmed">Nothing</Text>;
  return of.map(({ position, indicator_name, parameters }) => (
    <div key={position}>
      <Text fw={600} size="sm">
        {indicator_name}
      </Text>
      <Table data={{ body: Object.entries(parameters).map(([name, value]) => [name, String(value)]) }} />
    </div>
  ));
}
