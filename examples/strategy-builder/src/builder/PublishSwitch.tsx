import { Modal, Switch, TextInput } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { notifications } from "@mantine/notifications";
import type { StrategyDocument } from "pinebase";
import { useAccount, useSaveStrategy, useUpdateProfile } from "../backend.ts";
import { BackendForm, useBackendForm } from "../forms.tsx";
import { ErrorSentence } from "../parts.tsx";

/** Publishes a strategy in the gallery, or takes it out. Who publishes for the first time chooses a public name. */
export function PublishSwitch({ strategy }: { strategy: StrategyDocument }) {
  const { data: account } = useAccount();
  const [asked, { open, close }] = useDisclosure();
  const save = useSaveStrategy();
  const update = useUpdateProfile();
  const set = async (is_public: boolean) => {
    await save.mutateAsync({ strategy_id: strategy.strategy_id, is_public });
    const message = is_public ? "Everybody can see it in the gallery." : "Nobody else sees it any more.";
    notifications.show({ message });
  };
  const naming = useBackendForm({
    initialValues: { public_name: "" },
    submit: async ({ public_name }) => {
      await update.mutateAsync({ public_name });
      await set(true);
    },
    onSuccess: close,
    mainField: "public_name",
  });

  return (
    <>
      <Switch
        label="Published"
        checked={strategy.is_public}
        disabled={save.isPending}
        onChange={({ currentTarget: { checked } }) => {
          if (checked && !account?.user.public_name) open();
          // A refusal is shown below.
          else set(checked).catch(() => {});
        }}
      />
      <ErrorSentence error={save.error} />
      <Modal opened={asked} onClose={close} title="Publish under a name">
        <BackendForm of={naming} action="Publish">
          <TextInput
            label="Public name"
            description="Everybody sees it as the author of what you publish."
            maxLength={60}
            {...naming.form.getInputProps("public_name")}
          />
        </BackendForm>
      </Modal>
    </>
  );
}
