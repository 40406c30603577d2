import { SimpleGrid } from "@mantine/core";
import Form from "@rjsf/mantine";
import type { ObjectFieldTemplateProps, RJSFValidationError } from "@rjsf/utils";
import validator from "@rjsf/validator-ajv8";
import type { ParametersSchema, ParameterValues } from "pinebase";

interface ParametersFormProps {
  /** Makes the ids of the inputs unique on the page. */
  id: string;
  schema: ParametersSchema;
  values: ParameterValues;
  onChange(values: ParameterValues): void;
}

/**
 * The form of an indicator's parameters, made from its JSON Schema. Titles become labels, bounds and enumerations become
 * inputs, and an invalid value is marked at its field while it is typed. The database checks the same schema.
 */
export function ParametersForm({ id, schema, values, onChange }: ParametersFormProps) {
  return (
    <Form
      tagName="div"
      idPrefix={id}
      schema={withRanges(schema)}
      formData={values}
      validator={validator}
      liveValidate
      showErrorList={false}
      transformErrors={inPlainWords}
      templates={{ ObjectFieldTemplate: Columns, FieldErrorTemplate: Nothing }}
      uiSchema={{ "ui:submitButtonOptions": { norender: true } }}
      onChange={({ formData }) => onChange(formData)}
    />
  );
}

/** Whether every value fits the schema. */
export function fits(schema: ParametersSchema, values: ParameterValues): boolean {
  return validator.isValid({ ...schema }, values, { ...schema });
}

/** Adds the bounds of a number as its description, where the schema has none. */
function withRanges(schema: ParametersSchema): ParametersSchema {
  const properties = Object.entries(schema.properties ?? {}).map(([name, property]) => {
    const { minimum, maximum } = property;
    const range = minimum === undefined || maximum === undefined ? undefined : `${minimum} to ${maximum}`;
    return [name, { description: range, ...property }] as const;
  });
  return { ...schema, properties: Object.fromEntries(properties) };
}

function inPlainWords(errors: RJSFValidationError[]): RJSFValidationError[] {
  return errors.map((error) => {
    const limit = error.params?.limit;
    const message =
      error.name === "minimum"
        ? `Must be at least ${limit}.`
        : error.name === "maximum"
          ? `Must be at most ${limit}.`
          : error.name === "type"
            ? `Must be of type ${error.params?.type}.`
            : error.message;
    return { ...error, ...(message === undefined ? {} : { message }) };
  });
}

/** Replaces the list of errors that @rjsf/mantine shows below an input, because the input already shows its error. */
const Nothing = () => null;

function Columns({ properties }: ObjectFieldTemplateProps) {
  return (
    <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="sm" verticalSpacing="xs">
      {properties.map(({ content, name }) => (
        <div key={name}>{content}</div>
      ))}
    </SimpleGrid>
  );
}
