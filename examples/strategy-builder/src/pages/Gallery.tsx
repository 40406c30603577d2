import { Button, Card, Select, SimpleGrid, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useDebouncedValue } from "@mantine/hooks";
import { marketTypeSchema, type StrategySummary, timeframeSchema } from "pinebase";
import { Link } from "wouter";
import { type GalleryFilter, useGallery } from "../backend.ts";
import { Author, ErrorSentence, Facts, PageHead } from "../parts.tsx";

/** All public strategies. Visitors can see them too. */
export function GalleryPage() {
  const filter = useForm<GalleryFilter>({ initialValues: { search: "", market_type: null, timeframe: null } });
  const [debounced] = useDebouncedValue(filter.values, 250);
  const gallery = useGallery(debounced);
  const strategies = gallery.data?.pages.flatMap(({ items }) => items);

  return (
    <>
      <PageHead title="Gallery" />
      <SimpleGrid cols={{ base: 1, xs: 3 }} mb="md">
        <TextInput label="Search" type="search" {...filter.getInputProps("search")} />
        <Select label="Market" clearable data={marketTypeSchema.options} {...filter.getInputProps("market_type")} />
        <Select label="Timeframe" clearable data={timeframeSchema.options} {...filter.getInputProps("timeframe")} />
      </SimpleGrid>
      <ErrorSentence error={gallery.error} />
      {strategies?.length === 0 && <Text>No published strategy matches this search.</Text>}
      <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }}>
        {strategies?.map((strategy) => (
          <StrategyCard key={strategy.strategy_id} strategy={strategy} />
        ))}
      </SimpleGrid>
      {gallery.hasNextPage && (
        <Button variant="default" mt="md" loading={gallery.isFetchingNextPage} onClick={() => gallery.fetchNextPage()}>
          Show more
        </Button>
      )}
    </>
  );
}

function StrategyCard({ strategy }: { strategy: StrategySummary }) {
  return (
    <Card withBorder component={Link} href={`/gallery/${strategy.strategy_id}`}>
      <Text fw={600}>{strategy.name}</Text>
      <Author name={strategy.author} />
      <Text size="sm" c="dimmed" lineClamp={2} mt="xs">
        {strategy.description}
      </Text>
      <Facts of={strategy}>
        <Text size="sm" c="dimmed">
          {strategy.fork_count === 1 ? "1 fork" : `${strategy.fork_count} forks`}
        </Text>
      </Facts>
    </Card>
  );
}
