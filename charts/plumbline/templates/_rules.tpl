{{- /* What the operator itself may do, as lists of rules. Everything from git is written as the sources' accounts. */}}

{{- /* Its own kind: read, and metadata (finalizer, ApplySet annotations) and status patched; events; and the audit trail. */}}
{{- define "plumbline.rules.own" -}}
- apiGroups: [plumbline.dev]
  resources: [gitopssources]
  verbs: [get, list, watch, patch]
- apiGroups: [plumbline.dev]
  resources: [gitopssources/status]
  verbs: [patch]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
- apiGroups: [apps]
  resources: [controllerrevisions]
  verbs: [get, list, create, patch, delete]
{{- end }}

{{- /*
What is read. The wildcard stops at list and watch: `get` on every resource is `get` on pods/exec and nodes/proxy too,
which run commands (RBAC cannot name all resources without their subresources). Kubernetes' own kinds are named for
`get`, core ones singly, groups without such subresources whole; one object of any other kind is read by a list of its
name, which is slower.
*/}}
{{- define "plumbline.rules.read" -}}
{{- if .Values.rbac.read }}
- apiGroups: [""]
  resources: [serviceaccounts, namespaces]
  verbs: [get, list, watch]
{{- if not .Values.namespaces }}
- apiGroups: [apiextensions.k8s.io]
  resources: [customresourcedefinitions]
  verbs: [get, list, watch]
{{- end }}
{{- range .Values.rbac.read }}
- apiGroups: {{ toJson .apiGroups }}
  resources: {{ toJson .resources }}
  verbs: [get, list, watch]
{{- end }}
{{- else }}
- apiGroups: ["*"]
  resources: ["*"]
  verbs: [list, watch]
- apiGroups: [""]
  resources:
    - configmaps
    - endpoints
    - limitranges
    - namespaces
    - persistentvolumeclaims
    - persistentvolumes
    - pods
    - podtemplates
    - replicationcontrollers
    - resourcequotas
    - secrets
    - serviceaccounts
    - services
  verbs: [get]
- apiGroups:
    - admissionregistration.k8s.io
    - apiextensions.k8s.io
    - apiregistration.k8s.io
    - apps
    - autoscaling
    - batch
    - discovery.k8s.io
    - flowcontrol.apiserver.k8s.io
    - networking.k8s.io
    - node.k8s.io
    - policy
    - rbac.authorization.k8s.io
    - resource.k8s.io
    - scheduling.k8s.io
    - storage.k8s.io
  resources: ["*"]
  verbs: [get]
{{- end }}
{{- end }}

{{- /* As whom sources write. */}}
{{- define "plumbline.rules.impersonate" -}}
- apiGroups: [""]
  resources: [serviceaccounts]
  {{- with .Values.rbac.impersonate.serviceAccounts }}
  resourceNames: {{ toJson . }}
  {{- end }}
  verbs: [impersonate]
{{- end }}
