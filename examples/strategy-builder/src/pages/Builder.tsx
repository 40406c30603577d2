import { DndContext, type DragEndEvent, DragOverlay, PointerSensor, useSensor, useSensors } from "@dnd-kit/core";
import {
  Badge,
  Button,
  Drawer,
  Grid,
  Group,
  Paper,
  Select,
  SimpleGrid,
  Stack,
  Tabs,
  Textarea,
  TextInput,
  Title,
} from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { type ComponentType, type Indicator, marketTypeSchema, type StrategyDocument, timeframeSchema } from "pinebase";
import { useState } from "react";
import { useLocation } from "wouter";
import { saveStrategy, useSchemas, useStrategy } from "../backend.ts";
import { componentOf, type Draft, draftOf, emptyDraft, type Schemas, slots, strategyToSave } from "../builder/draft.ts";
import { Library, slotLabel } from "../builder/Library.tsx";
import { fits } from "../builder/ParametersForm.tsx";
import { PublishSwitch } from "../builder/PublishSwitch.tsx";
import { Slot } from "../builder/Slot.tsx";
import { Versions } from "../builder/Versions.tsx";
import { FormError, useBackendForm } from "../forms.tsx";
import { Loaded } from "../parts.tsx";

/** Composes a new strategy, or changes one of the user's own. */
export function BuilderPage({ id }: { id: string | null }) {
  const strategy = useStrategy(id);
  const schemas = useSchemas();
  if (id === null) {
    return <Loaded query={schemas}>{(known) => <Builder saved={null} schemas={known} />}</Loaded>;
  }
  return (
    <Loaded query={strategy}>
      {(saved) => (
        <Loaded query={schemas}>
          {(known) => (
            <Tabs defaultValue="compose" keepMounted={false}>
              <Tabs.List mb="md">
                <Tabs.Tab value="compose">Compose</Tabs.Tab>
                <Tabs.Tab value="versions">Versions</Tabs.Tab>
              </Tabs.List>
              <Tabs.Panel value="compose">
                {/* A new version, saved or restored, starts a new draft. */}
                <Builder key={saved.version_number} saved={saved} schemas={known} />
              </Tabs.Panel>
              <Tabs.Panel value="versions">
                <Versions current={saved} />
              </Tabs.Panel>
            </Tabs>
          )}
        </Loaded>
      )}
    </Loaded>
  );
}

function Builder({ saved, schemas }: { saved: StrategyDocument | null; schemas: Schemas }) {
  const [, navigate] = useLocation();

  const builder = useBackendForm<Draft, StrategyDocument>({
    initialValues: saved ? draftOf(saved) : emptyDraft,
    submit: (draft) =>
      saveStrategy({
        ...strategyToSave(draft),
        // A new strategy needs a config. With expected_version, a strategy that has changed in the meantime is not overwritten.
        ...(saved ? { strategy_id: saved.strategy_id, expected_version: saved.version_number } : { config: {} }),
      }),
    onSuccess: (document) => {
      notifications.show({ message: `Saved as version ${document.version_number}.` });
      navigate(`/strategies/${document.strategy_id}`);
    },
  });
  const { form } = builder;
  const { components } = form.values;
  const fitting = components.every(({ indicator_id, parameters }) => {
    const schema = schemas.get(indicator_id ?? "");
    return !schema || fits(schema, parameters);
  });

  const [adding, setAdding] = useState<ComponentType | null>(null);
  const [dragged, setDragged] = useState<Indicator | null>(null);
  // Without a distance, a click on the button inside would start a drag.
  const sensors = useSensors(useSensor(PointerSensor, { activationConstraint: { distance: 6 } }));

  const add = (indicator: Indicator) => {
    form.insertListItem("components", componentOf(indicator));
    notifications.show({ message: `${indicator.name} is in ${slotLabel(indicator.type)}.` });
  };
  const drop = ({ over }: DragEndEvent) => {
    setDragged(null);
    if (dragged && over?.id === dragged.type) add(dragged);
  };
  const indexOf = (key: string) => components.findIndex((component) => component.key === key);
  const moveUp = (key: string) => {
    const from = indexOf(key);
    const type = components[from]?.component_type;
    const to = components.findLastIndex(({ component_type }, index) => index < from && component_type === type);
    if (to >= 0) form.reorderListItem("components", { from, to });
  };

  return (
    <DndContext
      sensors={sensors}
      onDragStart={({ active }) => setDragged(active.data.current?.indicator ?? null)}
      onDragEnd={drop}
      onDragCancel={() => setDragged(null)}
    >
      <Grid gap="lg">
        <Grid.Col span={{ base: 12, md: 4 }} visibleFrom="md">
          <Paper withBorder p="sm" component="aside" aria-label="Library" pos="sticky" top={72}>
            <Library draggable onChoose={add} />
          </Paper>
        </Grid.Col>
        <Grid.Col span={{ base: 12, md: 8 }}>
          <form onSubmit={builder.onSubmit} noValidate>
            <Stack>
              <Group justify="space-between">
                <Title order={1} size="h2">
                  {saved ? saved.name : "New strategy"}
                </Title>
                {saved && (
                  <Group gap="xs">
                    <Badge variant="default">Version {saved.version_number}</Badge>
                    {saved.is_ai_generated && <Badge>AI</Badge>}
                    <PublishSwitch strategy={saved} />
                  </Group>
                )}
              </Group>
              <TextInput label="Name" {...form.getInputProps("name")} />
              <Textarea label="Description" autosize minRows={2} {...form.getInputProps("description")} />
              <SimpleGrid cols={2}>
                <Select
                  label="Market"
                  clearable
                  data={marketTypeSchema.options}
                  {...form.getInputProps("market_type")}
                />
                <Select
                  label="Timeframe"
                  clearable
                  data={timeframeSchema.options}
                  {...form.getInputProps("timeframe")}
                />
              </SimpleGrid>
              {slots.map((slot) => (
                <Slot
                  key={slot.type}
                  slot={slot}
                  components={components.filter(({ component_type }) => component_type === slot.type)}
                  schemas={schemas}
                  draggedType={dragged?.type ?? null}
                  onAdd={() => setAdding(slot.type)}
                  onChange={(key, parameters) =>
                    form.setFieldValue(`components.${indexOf(key)}.parameters`, parameters)
                  }
                  onRemove={(key) => form.removeListItem("components", indexOf(key))}
                  onMoveUp={moveUp}
                />
              ))}
              <FormError sentence={builder.formError ?? (form.errors.components as string | undefined) ?? null} />
              {!fitting && <FormError sentence="Correct the marked parameters, then save." />}
              <Button type="submit" loading={builder.pending} disabled={!fitting}>
                Save
              </Button>
            </Stack>
          </form>
        </Grid.Col>
      </Grid>

      <Drawer
        opened={adding !== null}
        onClose={() => setAdding(null)}
        title={`Add to ${adding ? slotLabel(adding) : ""}`}
        position="right"
      >
        {adding && (
          <Library
            type={adding}
            onChoose={(indicator) => {
              add(indicator);
              setAdding(null);
            }}
          />
        )}
      </Drawer>
      <DragOverlay>
        {dragged && (
          <Paper withBorder p="xs" shadow="md">
            {dragged.name}
          </Paper>
        )}
      </DragOverlay>
    </DndContext>
  );
}
