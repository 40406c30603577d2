/** The type with other types for some of its fields, which stay optional and nullable where they were. */
export type Replace<Shape, Fields> = {
  [Name in keyof Shape]: Name extends keyof Fields
    ? Fields[Name] | Extract<Shape[Name], null | undefined>
    : Shape[Name];
};

/** The type in which every optional field can also be null. */
export type NullWhereOptional<Shape> = {
  [Name in keyof Shape]: Record<never, never> extends Pick<Shape, Name>
    ? Shape[Name] | null
    : Shape[Name];
};

/** A generated table with other types for some of its columns. */
export type NarrowTable<Table, Columns> = {
  [Part in keyof Table]: Part extends "Row" | "Insert" | "Update"
    ? Replace<Table[Part], Columns>
    : Table[Part];
};

/** A table with only the permitted columns in Row, Insert and Update; `never` where none is permitted. */
export type PermittedTable<Table, Columns> = {
  [Part in keyof Table]: Part extends keyof Columns
    ? [Columns[Part]] extends [never]
      ? never
      : Pick<Table[Part], Extract<keyof Table[Part], Columns[Part]>>
    : Table[Part];
};
