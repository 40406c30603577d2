import { useDroppable } from "@dnd-kit/core";
import { Accordion, Button, Group, Paper, Stack, Text, Title } from "@mantine/core";
import type { ComponentType, ParameterValues } from "pinebase";
import type { DraftComponent, Schemas } from "./draft.ts";
import { ParametersForm } from "./ParametersForm.tsx";

interface SlotProps {
  slot: { type: ComponentType; label: string; purpose: string };
  components: DraftComponent[];
  schemas: Schemas;
  /** The type of the indicator that is being dragged; null while none is. */
  draggedType: ComponentType | null;
  onAdd(): void;
  onChange(key: string, parameters: ParameterValues): void;
  onRemove(key: string): void;
  onMoveUp(key: string): void;
}

/** One of the four slots, where indicators of its type are dropped, ordered and configured. */
export function Slot({ slot, components, schemas, draggedType, ...actions }: SlotProps) {
  const { setNodeRef, isOver } = useDroppable({ id: slot.type });
  const fitsHere = draggedType === slot.type;
  return (
    <Paper
      ref={setNodeRef}
      component="section"
      aria-label={slot.label}
      withBorder
      p="sm"
      className={fitsHere ? "slot-open" : ""}
      data-over={isOver && fitsHere}
      opacity={draggedType && !fitsHere ? 0.5 : 1}
    >
      <Group justify="space-between" wrap="nowrap" align="start" mb="xs">
        <div>
          <Title order={2} size="h5">
            {slot.label}
          </Title>
          <Text size="sm" c="dimmed">
            {slot.purpose}
          </Text>
        </div>
        <Button
          size="compact-sm"
          variant="default"
          onClick={actions.onAdd}
          aria-label={`Add an indicator to ${slot.label}`}
        >
          Add
        </Button>
      </Group>
      {components.length === 0 ? (
        <Text size="sm" c="dimmed">
          Empty. Drop an indicator here, or add one.
        </Text>
      ) : (
        <Accordion multiple variant="separated" defaultValue={[]}>
          {components.map((component, index) => (
            <Accordion.Item key={component.key} value={component.key}>
              <Accordion.Control>
                <Text fw={600} size="sm">
                  {component.indicator_name}
                </Text>
                <Text size="xs" c="dimmed">
                  {summary(component.parameters)}
                </Text>
              </Accordion.Control>
              <Accordion.Panel>
                <Stack gap="sm">
                  <Parameters component={component} schemas={schemas} onChange={actions.onChange} />
                  <Group gap="xs">
                    <Button
                      size="compact-sm"
                      variant="default"
                      disabled={index === 0}
                      onClick={() => actions.onMoveUp(component.key)}
                    >
                      Move up
                    </Button>
                    <Button
                      size="compact-sm"
                      variant="light"
                      color="red"
                      onClick={() => actions.onRemove(component.key)}
                    >
                      Remove {component.indicator_name}
                    </Button>
                  </Group>
                </Stack>
              </Accordion.Panel>
            </Accordion.Item>
          ))}
        </Accordion>
      )}
    </Paper>
  );
}

function Parameters({
  component,
  schemas,
  onChange,
}: Pick<SlotProps, "schemas" | "onChange"> & { component: DraftComponent }) {
  const { key, indicator_id, parameters } = component;
  const schema = schemas.get(indicator_id ?? "");
  if (!schema)
    return <Text size="sm">This indicator is not in the library any more. Its parameters stay as they are.</Text>;
  return <ParametersForm id={key} schema={schema} values={parameters} onChange={(values) => onChange(key, values)} />;
}

function summary(parameters: ParameterValues): string {
  return Object.entries(parameters)
    .map(([name, value]) => `${name} ${value}`)
    .join(", ");
}
