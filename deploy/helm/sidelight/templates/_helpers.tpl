{{- define "sidelight.image" -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end }}

{{- define "sidelight.labels" -}}
app.kubernetes.io/name: sidelight
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "sidelight.serviceAccount" -}}
{{ default .Release.Name .Values.serviceAccount.name }}
{{- end }}

{{- define "sidelight.securityContext" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
readOnlyRootFilesystem: true
allowPrivilegeEscalation: false
capabilities: {drop: [ALL]}
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "sidelight.podEnv" -}}
- name: POD_NAME
  valueFrom: {fieldRef: {fieldPath: metadata.name}}
- name: POD_NAMESPACE
  valueFrom: {fieldRef: {fieldPath: metadata.namespace}}
- name: NODE_NAME
  valueFrom: {fieldRef: {fieldPath: spec.nodeName}}
{{- with .Values.clusterName }}
- name: CLUSTER_NAME
  value: {{ . | quote }}
{{- end }}
{{- with .Values.region }}
- name: AWS_REGION
  value: {{ . | quote }}
{{- end }}
{{- end }}

{{/*
sidelight.sidecar is a native sidecar: an init container that keeps running. Include
it under initContainers of a pod:

  initContainers:
    {{- include "sidelight.sidecar" (dict "Values" .Values.sidelight "Chart" (dict "AppVersion" "0.1")) | nindent 4 }}

Its startup probe holds the application back until every listener is open; at the
end it gets SIGTERM after the application.
*/}}
{{- define "sidelight.sidecar" -}}
- name: sidelight
  image: {{ include "sidelight.image" . }}
  restartPolicy: Always
  args: [run]
  env:
    {{- include "sidelight.podEnv" . | nindent 4 }}
    - name: SIDELIGHT_LOGS_GROUP
      value: /k8s/{namespace}/{service}
  startupProbe:
    exec: {command: [/sidelight, ready]}
    periodSeconds: 1
    failureThreshold: 30
  livenessProbe:
    exec: {command: [/sidelight, health]}
    periodSeconds: 20
  securityContext:
    {{- include "sidelight.securityContext" . | nindent 4 }}
  resources:
    {{- toYaml .Values.sidecar.resources | nindent 4 }}
{{- end }}
