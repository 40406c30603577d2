import { Anchor, Group, Paper, PasswordInput, Stack, Text, TextInput, Title } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { type ReactNode, useState } from "react";
import { Link, useLocation } from "wouter";
import { orThrow } from "../backend.ts";
import { BackendForm, useBackendForm } from "../forms.tsx";
import { supabase } from "../supabase.ts";

export function SignUp() {
  const [sentTo, setSentTo] = useState<string | null>(null);
  const signUp = useBackendForm({
    initialValues: { full_name: "", email: "", password: "" },
    submit: async ({ full_name, email, password }) => {
      const options = { data: { full_name }, emailRedirectTo: window.location.origin };
      const { session } = await orThrow(supabase.auth.signUp({ email, password, options }));
      // Where users must confirm their address, there is no session before.
      if (!session) setSentTo(email);
    },
  });
  if (sentTo) return <MailSent to={sentTo} purpose="confirm your address" />;
  return (
    <AuthCard title="Sign up">
      <BackendForm of={signUp} action="Sign up">
        <TextInput label="Name" autoComplete="name" {...signUp.form.getInputProps("full_name")} />
        <EmailInput {...signUp.form.getInputProps("email")} />
        <PasswordInput label="Password" autoComplete="new-password" {...signUp.form.getInputProps("password")} />
      </BackendForm>
      <Text size="sm">
        Do you have an account?{" "}
        <Anchor component={Link} href="/sign-in" size="sm">
          Sign in
        </Anchor>
      </Text>
    </AuthCard>
  );
}

export function SignIn() {
  const signIn = useBackendForm({
    initialValues: { email: "", password: "" },
    submit: (credentials) => orThrow(supabase.auth.signInWithPassword(credentials)),
    mainField: "password",
  });
  return (
    <AuthCard title="Sign in">
      <BackendForm of={signIn} action="Sign in">
        <EmailInput {...signIn.form.getInputProps("email")} />
        <PasswordInput label="Password" autoComplete="current-password" {...signIn.form.getInputProps("password")} />
      </BackendForm>
      <Group justify="space-between">
        <Anchor component={Link} href="/forgot-password" size="sm">
          Forgot your password?
        </Anchor>
        <Anchor component={Link} href="/sign-up" size="sm">
          Sign up
        </Anchor>
      </Group>
    </AuthCard>
  );
}

export function ForgotPassword() {
  const [sentTo, setSentTo] = useState<string | null>(null);
  const forgot = useBackendForm({
    initialValues: { email: "" },
    submit: async ({ email }) => {
      const redirectTo = `${window.location.origin}/new-password`;
      await orThrow(supabase.auth.resetPasswordForEmail(email, { redirectTo }));
      setSentTo(email);
    },
    mainField: "email",
  });
  if (sentTo) return <MailSent to={sentTo} purpose="choose a new password" />;
  return (
    <AuthCard title="Forgotten password">
      <BackendForm of={forgot} action="Send the link">
        <EmailInput {...forgot.form.getInputProps("email")} />
      </BackendForm>
    </AuthCard>
  );
}

export function NewPassword() {
  const [, navigate] = useLocation();
  const change = useBackendForm({
    initialValues: { password: "" },
    submit: (change) => orThrow(supabase.auth.updateUser(change)),
    onSuccess: () => {
      notifications.show({ message: "The password is changed." });
      navigate("/");
    },
    mainField: "password",
  });
  return (
    <AuthCard title="New password">
      <BackendForm of={change} action="Change the password">
        <PasswordInput label="New password" autoComplete="new-password" {...change.form.getInputProps("password")} />
      </BackendForm>
    </AuthCard>
  );
}

function EmailInput(props: object) {
  return <TextInput label="Email" type="email" autoComplete="email" {...props} />;
}

function MailSent({ to, purpose }: { to: string; purpose: string }) {
  return (
    <AuthCard title="Check your email">
      <Text>
        If {to} has an account here, you receive an email with a link. Open the link to {purpose}.
      </Text>
    </AuthCard>
  );
}

function AuthCard({ title, children }: { title: string; children: ReactNode }) {
  return (
    <Paper withBorder p="lg" maw={420} mx="auto" mt="xl">
      <Stack>
        <Title order={1} size="h2">
          {title}
        </Title>
        {children}
      </Stack>
    </Paper>
  );
}
