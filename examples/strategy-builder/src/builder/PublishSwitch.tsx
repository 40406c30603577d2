import { Modal, Switch, TextInput } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { notifications } from "@mantine/notifications";
import { useMutation } from "@tanstack/react-query";
import type { StrategyDocument } from "pinebase";
import { saveStrategy, updateProfile, useAccount } from "../backend.ts";
import { BackendForm, useBackendForm } from "../forms.tsx";
import { ErrorSentence } from "../parts.tsx";
import { useUserId } from "../session.tsx";

/** Publishes a strategy in the gallery, or removes it. A user without a public name chooses one first. */
export function PublishSwitch({ strategy }: { strategy: StrategyDocument }) {
  const userId = useUserId();
  const { data: account } = useAccount();
  const [opened, { open, close }] = useDisclosure();
  const save = useMutation({
    mutationFn: (is_public: boolean) => saveStrategy({ strategy_id: strategy.strategy_id, is_public }),
    onSuccess: ({ is_public }) =>
      notifications.show({
        message: is_public ? "Everybody can see it in the gallery." : "Only you can see it now.",
      }),
  });
  const naming = useBackendForm({
    initialValues: { public_name: "" },
    submit: async ({ public_name }) => {
      await updateProfile(userId, { public_name: public_name.trim() || null });
      await save.mutateAsync(true);
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
          else save.mutate(checked);
        }}
      />
      <ErrorSentence error={save.error} />
      <Modal opened={opened} onClose={close} title="Publish under a name">
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
