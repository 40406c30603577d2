import { Button, Code, Select, SimpleGrid, Textarea, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useState } from "react";
import { useLocation } from "wouter";
import { useProviders } from "../backend.ts";
import { BackendForm, useBackendForm } from "../forms.tsx";
import { chatPaths, generateStrategy } from "../generate.ts";
import { Loaded, PageHead, Section } from "../parts.tsx";

/** A language model writes a strategy, which is then saved and opened in the builder. */
export function GeneratePage() {
  return (
    <>
      <PageHead title="Generate a strategy" />
      <Loaded query={useProviders()}>
        {(all) => <Generate providers={all.filter(({ provider }) => provider in chatPaths)} />}
      </Loaded>
    </>
  );
}

function Generate({ providers }: { providers: { provider: string; name: string }[] }) {
  const [, navigate] = useLocation();
  const [text, setText] = useState("");
  const [running, setRunning] = useState<AbortController | null>(null);
  const local = providers.some(({ provider }) => provider === "local");
  const generating = useBackendForm({
    initialValues: { provider: local ? "local" : "openai", model: local ? "stand-in" : "", idea: "" },
    submit: (request) => {
      const controller = new AbortController();
      setText("");
      setRunning(controller);
      return generateStrategy(request, setText, controller.signal).finally(() => setRunning(null));
    },
    onSuccess: ({ strategy_id, version_number }) => {
      notifications.show({ message: `Saved as version ${version_number}.` });
      navigate(`/strategies/${strategy_id}`);
    },
  });
  const { getInputProps } = generating.form;
  return (
    <SimpleGrid cols={{ base: 1, md: 2 }} spacing="lg">
      <Section title="Your idea">
        <BackendForm of={generating} action="Generate">
          <Textarea
            label="What the strategy should do"
            placeholder="Buy bitcoin when it is oversold, on 4h bars"
            autosize
            minRows={3}
            {...getInputProps("idea")}
          />
          <Select
            label="Provider"
            description="Your stored key is used. Without one, the app's key is used for credits, where the app has one."
            data={providers.map(({ provider, name }) => ({ value: provider, label: name }))}
            allowDeselect={false}
            {...getInputProps("provider")}
          />
          <TextInput label="Model" description="The provider's name for it." {...getInputProps("model")} />
        </BackendForm>
      </Section>
      <Section title="The model's answer" aria-live="polite">
        <Code block mih={160} style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}>
          {text}
        </Code>
        {running && (
          <Button variant="default" onClick={() => running.abort(new Error("You have stopped the generation."))}>
            Stop
          </Button>
        )}
      </Section>
    </SimpleGrid>
  );
}
