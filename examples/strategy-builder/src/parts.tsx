import { Badge, Group, Loader, Paper, type PaperProps, Stack, Text, Title } from "@mantine/core";
import type { UseQueryResult } from "@tanstack/react-query";
import { messageOf, type StrategySummary } from "pinebase";
import { type ComponentProps, type ReactNode, useEffect, useState } from "react";
import { FormError } from "./forms.tsx";

/** Shows what a query gave, or why it gave nothing. */
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

/** The sentence of an error that no form has asked for. */
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

/** The head of a page: its title and what can be done there. */
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

/** A part of a page. Its title names it for a screen reader too. */
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

/** A moment in the reader's own words and time zone. */
export function Moment({ at }: { at: string }) {
  const date = new Date(at);
  return (
    <Text component="time" dateTime={at} inherit>
      {date.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" })}
    </Text>
  );
}

/** The public name of whoever published something. */
export function Author({ name }: { name: string | null }) {
  return (
    <Text size="sm" c="dimmed">
      by {name ?? "somebody without a public name"}
    </Text>
  );
}

/** What a strategy trades, how long its bars are, and whether a model wrote it. */
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
