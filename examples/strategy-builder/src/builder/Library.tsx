import { useDraggable } from "@dnd-kit/core";
import { Badge, Button, Group, Paper, ScrollArea, SegmentedControl, Stack, Text, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import type { ComponentType, Indicator } from "pinebase";
import { useState } from "react";
import { useIndicators } from "../backend.ts";
import { slots } from "./draft.ts";

interface LibraryProps {
  /** Shows only the indicators of this slot. */
  type?: ComponentType;
  /** Whether indicators can be dragged from the list, as an alternative to the button. */
  draggable?: boolean;
  onChoose(indicator: Indicator): void;
}

/** The searchable list of indicators. */
export function Library({ type, draggable = false, onChoose }: LibraryProps) {
  const [search, setSearch] = useState("");
  const [chosenType, setChosenType] = useState<ComponentType | "all">("all");
  const [debouncedSearch] = useDebouncedValue(search, 200);
  const shownType = type ?? (chosenType === "all" ? null : chosenType);
  const { data, hasNextPage, fetchNextPage } = useIndicators(debouncedSearch, shownType);
  const indicators = data?.pages.flat() ?? [];
  const count = `${indicators.length}${hasNextPage ? " or more" : ""}`;

  return (
    <Stack gap="sm">
      <TextInput
        label="Search the library"
        placeholder="RSI, average, volume …"
        type="search"
        value={search}
        onChange={(event) => setSearch(event.currentTarget.value)}
      />
      {!type && (
        <SegmentedControl
          aria-label="Slot"
          size="xs"
          fullWidth
          value={chosenType}
          onChange={setChosenType}
          data={[{ value: "all", label: "All" }, ...slots.map((slot) => ({ value: slot.type, label: slot.label }))]}
        />
      )}
      <Text size="sm" c="dimmed" role="status">
        {count === "1" ? "1 indicator" : `${count} indicators`}
      </Text>
      <ScrollArea.Autosize mah="60vh" type="auto" offsetScrollbars>
        <Stack gap="xs" component="ul" className="plain-list" aria-label="Indicators">
          {indicators.map((indicator) => (
            <Entry key={indicator.id} indicator={indicator} draggable={draggable} onChoose={onChoose} />
          ))}
        </Stack>
        {hasNextPage && (
          <Button variant="default" size="compact-sm" mt="xs" fullWidth onClick={() => fetchNextPage()}>
            Show more
          </Button>
        )}
      </ScrollArea.Autosize>
    </Stack>
  );
}

interface EntryProps {
  indicator: Indicator;
  draggable: boolean;
  onChoose(indicator: Indicator): void;
}

function Entry({ indicator, draggable, onChoose }: EntryProps) {
  const { setNodeRef, listeners, isDragging } = useDraggable({
    id: indicator.id,
    data: { indicator },
    disabled: !draggable,
  });
  return (
    <Paper
      component="li"
      withBorder
      p="xs"
      ref={setNodeRef}
      {...(draggable ? listeners : {})}
      opacity={isDragging ? 0.4 : 1}
      style={draggable ? { cursor: "grab" } : {}}
    >
      <Group justify="space-between" wrap="nowrap" gap="xs">
        <Text fw={600} size="sm">
          {indicator.name}
        </Text>
        <Button
          size="compact-xs"
          variant="light"
          onClick={() => onChoose(indicator)}
          aria-label={`Add ${indicator.name}`}
        >
          Add
        </Button>
      </Group>
      <Text size="xs" c="dimmed" lineClamp={2}>
        {indicator.description}
      </Text>
      <Badge size="xs" variant="default" mt={4}>
        {slotLabel(indicator.type)} · {indicator.category}
      </Badge>
    </Paper>
  );
}

export function slotLabel(type: ComponentType): string {
  return slots.find((slot) => slot.type === type)?.label ?? type;
}
