import { Badge, Button, Card, SimpleGrid, Text } from "@mantine/core";
import { Link } from "wouter";
import { useMyStrategies } from "../backend.ts";
import { Facts, Loaded, Moment, PageHead } from "../parts.tsx";

/** The user's own strategies. */
export function StrategiesPage() {
  const strategies = useMyStrategies();
  return (
    <>
      <PageHead title="My strategies">
        <Button component={Link} href="/strategies/new">
          New strategy
        </Button>
      </PageHead>
      <Loaded query={strategies}>
        {(rows) =>
          rows.length === 0 ? (
            <Text>You have no strategy yet. Compose one, or fork one from the gallery.</Text>
          ) : (
            <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }}>
              {rows.map((strategy) => (
                <Card key={strategy.id} withBorder component={Link} href={`/strategies/${strategy.id}`}>
                  <Text fw={600}>{strategy.name}</Text>
                  <Text size="sm" c="dimmed" lineClamp={2}>
                    {strategy.description}
                  </Text>
                  <Facts of={strategy}>{strategy.is_public && <Badge>Published</Badge>}</Facts>
                  <Text size="xs" c="dimmed" mt="sm">
                    Version {strategy.current_version}, <Moment at={strategy.updated_at} />
                  </Text>
                </Card>
              ))}
            </SimpleGrid>
          )
        }
      </Loaded>
    </>
  );
}
