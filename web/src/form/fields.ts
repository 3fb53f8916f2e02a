import { h } from "preact";
import { useEffect, useState } from "preact/hooks";

type Entity = { kind: string; metadata: { name: string; namespace?: string; title?: string }; spec?: any };

const ref = (one: Entity) => `${one.kind.toLowerCase()}:${one.metadata.namespace ?? "default"}/${one.metadata.name}`;
const label = (one: Entity) => one.spec?.profile?.displayName ?? one.metadata.title ?? one.metadata.name;

async function find(filters: any[]): Promise<Entity[]> {
  const query = new URLSearchParams({ limit: "500", fields: "kind,metadata.name,metadata.namespace,metadata.title,spec.profile.displayName" });
  for (const filter of filters) query.append("filter", Object.entries<any>(filter).flatMap(([key, value]) => (Array.isArray(value) ? value : [value]).map((one) => (typeof one === "object" ? key : `${key}=${one}`))).join(","));
  const reply = await fetch(`/api/catalog/entities/by-query?${query}`);
  return reply.ok ? (await reply.json()).items : [];
}

function filters(options: any, kinds: string[]): any[] {
  if (options.catalogFilter) return Array.isArray(options.catalogFilter) ? options.catalogFilter : [options.catalogFilter];
  return [{ kind: options.allowedKinds ?? kinds }];
}

// The form's own template says what is wrong, below the field.
const refused = (props: any) => (props.rawErrors?.length ? "has-error" : "");

// Label and description as the form's own fields have them.
const head = (id: string, props: any) => [
  h("label", { for: id }, [props.schema.title ?? props.name, props.required ? h("span", { class: "required" }, "*") : null]),
  props.schema.description ? h("p", { class: "field-description" }, props.schema.description) : null,
];

const picker = (kinds: string[]) => (props: any) => {
  const [found, setFound] = useState<Entity[] | null>(null);
  const options = props.uiSchema?.["ui:options"] ?? {};
  useEffect(() => void find(filters(options, kinds)).then(setFound), []);
  const id = props.idSchema?.$id ?? props.fieldPathId?.$id ?? props.name;
  const set = (value: string) => (props.onChange as any)(value || undefined, props.fieldPathId?.path);
  return h("div", { class: refused(props) }, [
    ...head(id, props),
    h("select", { id, class: "form-control", value: props.formData ?? "", disabled: found === null || props.disabled, required: props.required, onChange: (event: any) => set(event.currentTarget.value) }, [
      h("option", { value: "" }, found === null ? "Loading …" : "Choose …"),
      ...(found ?? []).map((one) => h("option", { value: ref(one), selected: ref(one) === props.formData }, `${label(one)} — ${ref(one)}`)),
    ]),
  ]);
};

const text = (pattern?: RegExp) => (props: any) => {
  const id = props.idSchema?.$id ?? props.fieldPathId?.$id ?? props.name;
  const strange = pattern && props.formData && !pattern.test(props.formData);
  return h("div", { class: refused(props) }, [
    ...head(id, props),
    h("input", { id, class: "form-control", value: props.formData ?? "", placeholder: props.uiSchema?.["ui:placeholder"], autoFocus: props.uiSchema?.["ui:autofocus"], onInput: (event: any) => (props.onChange as any)(event.currentTarget.value || undefined, props.fieldPathId?.path) }),
    strange ? h("p", { class: "error-detail" }, "use letters, digits, '-', '_' and '.'") : null,
  ]);
};

// Backstage's Secret: the value goes into the request's secrets, the answers keep as many stars.
const secret = (props: any) => {
  const id = props.idSchema?.$id ?? props.fieldPathId?.$id ?? props.name;
  const kept = (props.formContext ?? props.registry?.formContext).secrets as Record<string, string>;
  const set = (value: string) => {
    if (value) kept[props.name] = value;
    else delete kept[props.name];
    (props.onChange as any)(value ? "*".repeat(value.length) : undefined, props.fieldPathId?.path);
  };
  return h("div", { class: refused(props) }, [
    ...head(id, props),
    h("input", { id, class: "form-control", type: "password", autoComplete: "off", value: kept[props.name] ?? "", onInput: (event: any) => set(event.currentTarget.value) }),
  ]);
};

export const fields: any = {
  Secret: secret,
  OwnerPicker: picker(["Group", "User"]),
  EntityPicker: picker(["Component"]),
  OwnedEntityPicker: picker(["Component"]),
  MyGroupsPicker: picker(["Group"]),
  EntityNamePicker: text(/^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/),
  RepoUrlPicker: text(),
};
