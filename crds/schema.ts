/** The CRD as the generators read it. */
import { readFileSync } from 'node:fs';
import { load } from 'js-yaml';

export interface Rule {
  readonly rule: string;
  /** Where the fault is told, from the schema that has the rule. */
  readonly fieldPath?: string;
  readonly message: string;
}

/** The part of a structural schema that this CRD uses. */
export interface Schema {
  readonly type: 'object' | 'array' | 'string' | 'integer' | 'boolean';
  readonly description?: string;
  readonly default?: unknown;
  readonly format?: string;
  readonly enum?: readonly string[];
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly nullable?: boolean;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly 'x-kubernetes-validations'?: readonly Rule[];
  readonly 'x-kubernetes-list-type'?: string;
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
}

export interface PrinterColumn {
  readonly name: string;
  readonly type: string;
  readonly jsonPath: string;
  readonly priority?: number;
  readonly description?: string;
}

export interface CrdVersion {
  readonly name: string;
  readonly served: boolean;
  readonly storage: boolean;
  readonly schema: { readonly openAPIV3Schema: Schema };
  readonly additionalPrinterColumns?: readonly PrinterColumn[];
}

export interface Crd {
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
  readonly spec: {
    readonly group: string;
    readonly scope: string;
    readonly names: {
      readonly kind: string;
      readonly listKind?: string;
      readonly plural: string;
      readonly singular: string;
      readonly shortNames?: readonly string[];
      readonly categories?: readonly string[];
    };
    readonly versions: readonly CrdVersion[];
  };
}

/** Where the one schema is. */
export const crdFile = new URL('plumbline.dev_gitopssources.yaml', import.meta.url);

/** The CRD, as its file has it. */
export function readCrd(): Crd {
  return load(readFileSync(crdFile, 'utf8')) as Crd;
}

/** The schema of version v1. */
export function schemaOf(crd: Crd): Schema {
  const version = crd.spec.versions.find(({ name }) => name === 'v1');
  if (version === undefined) throw new Error(`${crd.metadata.name} has no version v1`);
  return version.schema.openAPIV3Schema;
}

/** The schema of a property; throws when there is none. */
export function property(schema: Schema, name: string): Schema {
  const found = schema.properties?.[name];
  if (found === undefined) throw new Error(`no property ${name}`);
  return found;
}
