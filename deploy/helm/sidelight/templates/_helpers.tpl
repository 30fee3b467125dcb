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

{{/* What selects the pods of a component: (list . "node"). */}}
{{- define "sidelight.selector" -}}
app.kubernetes.io/name: sidelight
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{- define "sidelight.serviceAccount" -}}
{{ default .Release.Name .Values.serviceAccount.name }}
{{- end }}

{{/* Objects of the cluster have the namespace in their names, or two releases of
one name would take them from each other. */}}
{{- define "sidelight.clusterScoped" -}}
{{ .Release.Namespace }}-{{ .Release.Name }}-kubelet
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

{{- define "sidelight.probes" -}}
startupProbe:
  exec: {command: [/sidelight, ready]}
  periodSeconds: 1
  timeoutSeconds: 3
  failureThreshold: 60
readinessProbe:
  exec: {command: [/sidelight, ready]}
  periodSeconds: 10
  timeoutSeconds: 3
livenessProbe:
  exec: {command: [/sidelight, health]}
  periodSeconds: 20
  timeoutSeconds: 3
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

{{- define "sidelight.nodePorts" -}}
- {name: otlp-grpc, port: 4317, protocol: TCP}
- {name: otlp-http, port: 4318, protocol: TCP}
- {name: xray-udp, port: 2000, protocol: UDP}
- {name: xray-tcp, port: 2000, protocol: TCP}
- {name: statsd, port: 8125, protocol: UDP}
- {name: emf-tcp, port: 25888, protocol: TCP}
- {name: emf-udp, port: 25888, protocol: UDP}
{{- end }}

{{- define "sidelight.gatewayPorts" -}}
- {name: otlp-grpc, port: 4317, protocol: TCP}
- {name: otlp-http, port: 4318, protocol: TCP}
{{- end }}

{{/* Who may reach the pods of a component: (dict "root" . "component" "node" "ports" (list …)). */}}
{{- define "sidelight.networkPolicy" -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ .root.Release.Name }}-{{ .component }}
  labels:
    {{- include "sidelight.labels" .root | nindent 4 }}
spec:
  podSelector:
    matchLabels:
      {{- include "sidelight.selector" (list .root .component) | nindent 6 }}
  policyTypes: [Ingress]
  ingress:
    - ports:
        {{- range .ports }}
        - {port: {{ .port }}, protocol: {{ .protocol }}}
        {{- end }}
      {{- with .root.Values.networkPolicy.from }}
      from:
        {{- toYaml . | nindent 8 }}
      {{- end }}
{{- end }}

{{/*
sidelight.sidecar is a native sidecar: an init container that keeps running. Include
it under initContainers of a pod, and sidelight.volumes under its volumes:

  initContainers:
    {{- include "sidelight.sidecar" (dict "Values" .Values.sidelight "Chart" (dict "AppVersion" "0.1")) | nindent 4 }}
  volumes:
    {{- include "sidelight.volumes" (dict "Values" .Values.sidelight) | nindent 4 }}

Its startup probe holds the application back until every listener is open; at the
end it gets SIGTERM after the application. It takes up to 25 s to stop, which is what
a pod's 30 s leave it if the application stops at once.
*/}}
{{- define "sidelight.sidecar" -}}
- name: sidelight
  image: {{ include "sidelight.image" . }}
  imagePullPolicy: {{ .Values.image.pullPolicy }}
  restartPolicy: Always
  args: [run]
  env:
    {{- include "sidelight.podEnv" . | nindent 4 }}
    - name: SIDELIGHT_LOGS_GROUP
      value: {{ .Values.sidecar.logGroup | quote }}
  {{- include "sidelight.probes" . | nindent 2 }}
  securityContext:
    {{- include "sidelight.securityContext" . | nindent 4 }}
  resources:
    {{- toYaml .Values.sidecar.resources | nindent 4 }}
  volumeMounts:
    - {name: sidelight-queue, mountPath: /var/lib/sidelight}
{{- end }}

{{- define "sidelight.volumes" -}}
- name: sidelight-queue
  emptyDir: {sizeLimit: {{ .Values.sidecar.queueSize }}}
{{- end }}
