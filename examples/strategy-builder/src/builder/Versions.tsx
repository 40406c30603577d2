import { Button, Checkbox, Stack, Table, Text, Title } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation } from "@tanstack/react-query";
import type { StrategyDocument } from "pinebase";
import { useState } from "react";
import { restoreVersion, useVersions } from "../backend.ts";
import { ErrorSentence, Loaded, Moment } from "../parts.tsx";
import { differences } from "./differences.ts";

/** The versions of a strategy. The user can compare two of them, or restore one. */
export function Versions({ current }: { current: StrategyDocument }) {
  const versions = useVersions(current.strategy_id);
  const restore = useMutation({
    mutationFn: (version: number) => restoreVersion(current.strategy_id, version),
    onSuccess: ({ version_number }, version) =>
      notifications.show({ message: `Version ${version} is restored as version ${version_number}.` }),
  });
  const [chosen, setChosen] = useState<number[]>([]);
  // At most the last two stay chosen.
  const choose = (version: number) =>
    setChosen(chosen.includes(version) ? chosen.filter((other) => other !== version) : [...chosen, version].slice(-2));

  return (
    <Loaded query={versions}>
      {(rows) => {
        const [older, newer] = rows
          .filter(({ version_number }) => chosen.includes(version_number))
          .sort((a, b) => a.version_number - b.version_number);
        return (
          <Stack>
            <Text c="dimmed">Choose two versions to compare them.</Text>
            <Table.ScrollContainer minWidth={520}>
              <Table
                verticalSpacing="xs"
                data={{
                  head: ["Version", "Restore", "Saved", "Notes"],
                  body: rows.map(({ version_number: version, notes, created_at }) => [
                    <Checkbox
                      key="version"
                      label={`Version ${version}`}
                      checked={chosen.includes(version)}
                      onChange={() => choose(version)}
                    />,
                    version === current.version_number ? (
                      "Current"
                    ) : (
                      <Button
                        key="restore"
                        size="compact-sm"
                        variant="default"
                        loading={restore.isPending && restore.variables === version}
                        onClick={() => restore.mutate(version)}
                        aria-label={`Restore version ${version}`}
                      >
                        Restore
                      </Button>
                    ),
                    <Moment key="saved" at={created_at} />,
                    notes,
                  ]),
                }}
              />
            </Table.ScrollContainer>
            <ErrorSentence error={restore.error} />
            {older && newer && (
              <Comparison
                older={older.config}
                newer={newer.config}
                title={`Version ${older.version_number} and version ${newer.version_number}`}
              />
            )}
          </Stack>
        );
      }}
    </Loaded>
  );
}

function Comparison({ older, newer, title }: { older: StrategyDocument; newer: StrategyDocument; title: string }) {
  const rows = differences(older, newer);
  return (
    <section aria-label="Comparison">
      <Title order={2} size="h4" mb="xs">
        {title}
      </Title>
      {rows.length === 0 ? (
        <Text>They are the same.</Text>
      ) : (
        <Table
          withTableBorder
          data={{
            head: ["What", "Before", "After"],
            body: rows.map(({ path, before, after }) => [path, before, after]),
          }}
        />
      )}
    </section>
  );
}
