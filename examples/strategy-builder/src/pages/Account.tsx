import { Button, Group, Stack, Text, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation } from "@tanstack/react-query";
import type { Account } from "pinebase";
import { deleteAccount, exportMyData, updateProfile, useAccount } from "../backend.ts";
import { BackendForm, useBackendForm } from "../forms.tsx";
import { ErrorSentence, Loaded, PageHead, Section } from "../parts.tsx";

/** The account: names, export of all data, deletion. */
export function AccountPage() {
  return (
    <Loaded query={useAccount()}>
      {(account) => (
        <>
          <PageHead title="Account" />
          <Stack maw={520}>
            <Profile account={account} />
            <Export />
            <Delete email={account.user.email} />
          </Stack>
        </>
      )}
    </Loaded>
  );
}

function Profile({ account }: { account: Account }) {
  const profile = useBackendForm({
    initialValues: {
      full_name: account.user.full_name ?? "",
      public_name: account.user.public_name ?? "",
    },
    submit: ({ full_name, public_name }) =>
      updateProfile(account.user.id, { full_name: full_name.trim() || null, public_name: public_name.trim() || null }),
    onSuccess: () => notifications.show({ message: "Saved." }),
    mainField: "public_name",
  });
  return (
    <Section title="Names">
      <BackendForm of={profile} action="Save the names">
        <TextInput label="Name" autoComplete="name" maxLength={200} {...profile.form.getInputProps("full_name")} />
        <TextInput
          label="Public name"
          description="Everybody sees it as the author of what you publish."
          maxLength={60}
          {...profile.form.getInputProps("public_name")}
        />
      </BackendForm>
    </Section>
  );
}

function Export() {
  const exporting = useMutation({
    mutationFn: exportMyData,
    onSuccess: (data) => download("my-data.json", JSON.stringify(data, null, 2)),
  });
  return (
    <Section title="Your data">
      <Text size="sm">Every row that is about you, as one JSON file.</Text>
      <Group>
        <Button variant="default" loading={exporting.isPending} onClick={() => exporting.mutate()}>
          Export my data
        </Button>
      </Group>
      <ErrorSentence error={exporting.error} />
    </Section>
  );
}

function Delete({ email }: { email: string }) {
  const removing = useBackendForm({
    initialValues: { confirm_email: "" },
    submit: ({ confirm_email }) => deleteAccount(confirm_email),
    onSuccess: () => notifications.show({ message: "The account is deleted." }),
    mainField: "confirm_email",
  });
  return (
    <Section title="Delete the account">
      <BackendForm of={removing} action="Delete the account" button={{ color: "red" }}>
        <TextInput
          label={`Type ${email} to delete everything that is yours`}
          autoComplete="off"
          {...removing.form.getInputProps("confirm_email")}
        />
      </BackendForm>
    </Section>
  );
}

function download(name: string, text: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}
