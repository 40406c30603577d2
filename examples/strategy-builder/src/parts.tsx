import { Badge, Group, Loader, Paper, type PaperProps, Stack, Text, Title } from "@mantine/core";
import type { UseQueryResult } from "@tanstack/react-query";
import { messageOf, type StrategySummary } from "pinebase";
import { type ComponentProps, type ReactNode, useEffect, useState } from "react";
import { FormError } from "./forms.tsx";

/** Shows the data of a query, its error, or that it is loading. */
export function Loaded<Data>({
  query,
  children,
}: {
  query: UseQueryResult<Data>;
  children: (data: Data) => ReactNode;
}) {
  if (query.data !== undefined) return children(query.data);
  return query.error ? <ErrorSentence error={query.error} /> : <Loader aria-label="Loading" />;
}

/** The message of an error outside of a form. */
export function ErrorSentence({ error }: { error: unknown }) {
  const [sentence, setSentence] = useState<string | null>(null);
  useEffect(() => {
    let current = true;
    if (!error) setSentence(null);
    else messageOf(error).then((found) => current && setSentence(found));
    return () => {
      current = false;
    };
  }, [error]);
  return <FormError sentence={sentence} />;
}

/** The title of a page and its buttons. */
export function PageHead({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <Group justify="space-between" mb="md">
      <Title order={1} size="h2">
        {title}
      </Title>
      {children}
    </Group>
  );
}

/** A section of a page, with its title as the label for screen readers. */
export function Section({ title, children, ...props }: PaperProps & ComponentProps<"section"> & { title: string }) {
  return (
    <Paper component="section" aria-label={title} withBorder p="md" {...props}>
      <Stack h="100%">
        <Title order={2} size="h5">
          {title}
        </Title>
        {children}
      </Stack>
    </Paper>
  );
}

/** A date and time in the reader's language and time zone. */
export function Moment({ at }: { at: string }) {
  const date = new Date(at);
  return (
    <Text component="time" dateTime={at} inherit>
      {date.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" })}
    </Text>
  );
}

/** The public name of a strategy's author. */
export function Author({ name }: { name: string | null }) {
  return (
    <Text size="sm" c="dimmed">
      by {name ?? "an author without a public name"}
    </Text>
  );
}

/** A strategy's market, timeframe, and whether a language model wrote it. */
export function Facts({
  of,
  children,
}: {
  of: Pick<StrategySummary, "market_type" | "timeframe" | "is_ai_generated">;
  children?: ReactNode;
}) {
  return (
    <Group gap="xs">
      {of.market_type && <Badge variant="default">{of.market_type}</Badge>}
      {of.timeframe && <Badge variant="default">{of.timeframe}</Badge>}
      {of.is_ai_generated && <Badge>AI</Badge>}
      {children}
    </Group>
  );
}
