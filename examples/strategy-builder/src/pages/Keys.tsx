import { Button, Group, PasswordInput, Select, SimpleGrid, Table, Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation } from "@tanstack/react-query";
import { deleteKey, storeKey, useApiKeys, useKeyEvents, useProviders } from "../backend.ts";
import { BackendForm, useBackendForm } from "../forms.tsx";
import { ErrorSentence, Loaded, Moment, PageHead, Section } from "../parts.tsx";

const actions = {
  stored: "Stored",
  decrypted: "Used",
  deleted: "Deleted",
  reencrypted: "Re-encrypted",
  operator_key_used: "The app's key was used",
} as const;

/** Keys of language models: stored encrypted, used by the backend, never shown again. */
export function KeysPage() {
  return (
    <>
      <PageHead title="Model keys" />
      <SimpleGrid cols={{ base: 1, md: 2 }} spacing="lg">
        <StoreKey />
        <StoredKeys />
      </SimpleGrid>
      <Section title="What happened to your keys" mt="lg">
        <AuditTrail />
      </Section>
    </>
  );
}

function StoreKey() {
  const { data: providers = [] } = useProviders();
  const storing = useBackendForm({
    initialValues: { provider: "openai", api_key: "" },
    submit: storeKey,
    onSuccess: ({ provider, verified }, form) => {
      const checked = verified ? "It works." : "The provider did not answer, so the key is not checked yet.";
      notifications.show({ message: `The key for ${provider} is stored. ${checked}` });
      form.setFieldValue("api_key", "");
    },
    mainField: "api_key",
  });
  return (
    <Section title="Store a key">
      <BackendForm of={storing} action="Store the key">
        <Select
          label="Provider"
          data={providers.map(({ provider, name }) => ({ value: provider, label: name }))}
          allowDeselect={false}
          {...storing.form.getInputProps("provider")}
        />
        <PasswordInput
          label="Key"
          description="It is stored encrypted. Nobody can read it here again, not even you."
          autoComplete="off"
          {...storing.form.getInputProps("api_key")}
        />
      </BackendForm>
    </Section>
  );
}

function StoredKeys() {
  const remove = useMutation({ mutationFn: deleteKey });
  return (
    <Section title="Stored keys">
      <Loaded query={useApiKeys()}>
        {(keys) => (
          <>
            {keys.length === 0 && <Text>No key is stored yet.</Text>}
            {keys.map(({ provider, key_hint, last_used, verified_at, rejected_at }) => (
              <Group key={provider} justify="space-between" wrap="nowrap">
                <Text size="sm">
                  <strong>{provider}</strong>, ends in {key_hint}.{" "}
                  {rejected_at ? "The provider refuses it." : verified_at ? "It works." : "Not checked yet."}{" "}
                  {last_used ? "Last used " : "Never used."}
                  {last_used && <Moment at={last_used} />}
                </Text>
                <Button
                  variant="light"
                  color="red"
                  size="compact-sm"
                  loading={remove.isPending}
                  onClick={() => remove.mutate(provider)}
                  aria-label={`Delete the key for ${provider}`}
                >
                  Delete
                </Button>
              </Group>
            ))}
          </>
        )}
      </Loaded>
      <ErrorSentence error={remove.error} />
    </Section>
  );
}

function AuditTrail() {
  return (
    <Loaded query={useKeyEvents()}>
      {(events) => (
        <Table
          aria-label="What happened to your keys"
          data={{
            head: ["When", "Provider", "What"],
            body: events.map(({ id, created_at, provider, action }) => [
              <Moment key={id} at={created_at} />,
              provider,
              actions[action],
            ]),
          }}
        />
      )}
    </Loaded>
  );
}
