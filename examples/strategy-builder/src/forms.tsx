import { Alert, Button, type ButtonProps, Stack } from "@mantine/core";
import { type UseFormReturnType, useForm } from "@mantine/form";
import { isAuthError } from "@supabase/supabase-js";
import { useMutation } from "@tanstack/react-query";
import { messageOf, toPinebaseError } from "pinebase";
import { type FormEvent, type ReactNode, useState } from "react";

interface BackendFormOptions<Values, Result> {
  initialValues: Values;
  submit(values: Values): Promise<Result>;
  onSuccess?(result: Result, form: UseFormReturnType<Values>): void;
  /** The field for errors that name none. Without it they are shown above the button. */
  mainField?: keyof Values & string;
}

/**
 * A form that shows the backend's error messages. An error is shown at the field that it names, which the database does in
 * `facts.argument` and an edge function in `facts.field`. The backend checks every value, so the form has no rules.
 */
export function useBackendForm<Values extends Record<string, unknown>, Result>({
  initialValues,
  submit,
  onSuccess,
  mainField,
}: BackendFormOptions<Values, Result>) {
  const form = useForm<Values>({ initialValues });
  const [formError, setFormError] = useState<string | null>(null);

  const mutation = useMutation({
    mutationFn: submit,
    onSuccess: (result) => onSuccess?.(result, form),
    onError: async (error) => {
      const facts = (await toPinebaseError(error))?.facts;
      const named = facts?.argument ?? facts?.field ?? authField[authCode(error)];
      const field = typeof named === "string" && named in initialValues ? named : mainField;
      const sentence = await messageOf(error);
      if (field) form.setFieldError(field, sentence);
      else setFormError(sentence);
    },
  });
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    form.clearErrors();
    setFormError(null);
    mutation.mutate(form.getValues());
  };
  return { form, formError, onSubmit, pending: mutation.isPending };
}

/** The field that an error of Auth is about, by the error's code. */
const authField: Record<string, string> = {
  email_address_invalid: "email",
  email_exists: "email",
  invalid_credentials: "password",
  same_password: "password",
  user_already_exists: "email",
  weak_password: "password",
};

function authCode(error: unknown): string {
  return isAuthError(error) ? (error.code ?? "") : "";
}

interface BackendFormProps {
  /** The result of `useBackendForm`. */
  of: { formError: string | null; pending: boolean; onSubmit(event: FormEvent): void };
  action: string;
  button?: ButtonProps;
  children: ReactNode;
}

/** A form with its fields, the error that belongs to none of them, and the button. */
export function BackendForm({ of, action, button, children }: BackendFormProps) {
  return (
    <form onSubmit={of.onSubmit} noValidate>
      <Stack>
        {children}
        <FormError sentence={of.formError} />
        <Button type="submit" loading={of.pending} {...button}>
          {action}
        </Button>
      </Stack>
    </form>
  );
}

/** An error that belongs to no field. */
export function FormError({ sentence }: { sentence: string | null }) {
  if (!sentence) return null;
  return (
    <Alert color="red" role="alert">
      {sentence}
    </Alert>
  );
}
