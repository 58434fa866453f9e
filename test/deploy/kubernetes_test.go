package deploy_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	"sigs.k8s.io/yaml"
)

// manifests are those of the page.
type manifests struct {
	deployment apps.Deployment
	services   map[string]core.Service
	ingress    networking.Ingress
	network    networking.NetworkPolicy
	budget     policy.PodDisruptionBudget
}

// decode decodes each document into the type of its kind. Unknown fields are errors.
func decode(t *testing.T, text string) (m manifests, err error) {
	t.Helper()
	m.services = map[string]core.Service{}
	kinds := map[string]int{}
	for document := range strings.SplitSeq(text, "\n---\n") {
		var head struct{ APIVersion, Kind string }
		if err := yaml.Unmarshal([]byte(document), &head); err != nil {
			return m, err
		}
		name := head.APIVersion + " " + head.Kind
		kinds[name]++
		var service core.Service
		into, ok := map[string]any{
			"apps/v1 Deployment":                 &m.deployment,
			"v1 Service":                         &service,
			"networking.k8s.io/v1 Ingress":       &m.ingress,
			"networking.k8s.io/v1 NetworkPolicy": &m.network,
			"policy/v1 PodDisruptionBudget":      &m.budget,
		}[name]
		if !ok {
			t.Fatalf("a document is a %q", name)
		}
		if err := yaml.UnmarshalStrict([]byte(document), into); err != nil {
			return m, err
		}
		if service.Name != "" {
			m.services[service.Name] = service
		}
	}
	want := map[string]int{
		"apps/v1 Deployment": 1, "v1 Service": 2, "networking.k8s.io/v1 Ingress": 1,
		"networking.k8s.io/v1 NetworkPolicy": 1, "policy/v1 PodDisruptionBudget": 1,
	}
	if !maps.Equal(kinds, want) {
		t.Errorf("the documents are %v, want %v", kinds, want)
	}
	return m, nil
}

func TestKubernetes(t *testing.T) {
	text := block(t, kubernetes, "yaml")
	m, err := decode(t, text)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := decode(t, strings.Replace(text, "maxSurge", "maxsurges", 1)); err == nil {
		t.Error("a field that does not exist is accepted")
	}

	pod := m.deployment.Spec.Template
	for of, selector := range map[string]map[string]string{
		"Deployment":          m.deployment.Spec.Selector.MatchLabels,
		"Service chat":        m.services["chat"].Spec.Selector,
		"Service chat-nodes":  m.services["chat-nodes"].Spec.Selector,
		"NetworkPolicy":       m.network.Spec.PodSelector.MatchLabels,
		"PodDisruptionBudget": m.budget.Spec.Selector.MatchLabels,
		"from":                m.network.Spec.Ingress[1].From[0].PodSelector.MatchLabels,
	} {
		if !maps.Equal(selector, pod.Labels) {
			t.Errorf("%s selects %v, and pods have %v", of, selector, pod.Labels)
		}
	}

	c := pod.Spec.Containers[0]
	ports := map[string]int32{}
	for _, p := range c.Ports {
		ports[p.Name] = p.ContainerPort
	}
	used := []string{c.ReadinessProbe.HTTPGet.Port.StrVal, c.LivenessProbe.HTTPGet.Port.StrVal, m.network.Spec.Ingress[0].Ports[0].Port.StrVal, m.network.Spec.Ingress[1].Ports[0].Port.StrVal}
	for _, s := range m.services {
		used = append(used, s.Spec.Ports[0].TargetPort.StrVal)
	}
	for _, name := range used {
		if ports[name] == 0 {
			t.Errorf("no port is named %q", name)
		}
	}
	backend := m.ingress.Spec.Rules[0].HTTP.Paths[0].Backend.Service
	if s, ok := m.services[backend.Name]; !ok || s.Spec.Ports[0].Name != backend.Port.Name {
		t.Errorf("the ingress leads to %v", backend)
	}

	env := map[string]string{}
	for _, e := range c.Env {
		env[e.Name] = e.Value
	}
	nodes := m.services["chat-nodes"]
	if nodes.Spec.ClusterIP != core.ClusterIPNone || !nodes.Spec.PublishNotReadyAddresses || env["PEERS"] != "chat-nodes:6222" || nodes.Spec.Ports[0].Port != 6222 {
		t.Errorf("peers %q at %+v", env["PEERS"], nodes.Spec)
	}
	if env["ADDR"] != ":3000" || ports["http"] != 3000 || env["NODE_ADDR"] != ":6222" || ports["nodes"] != 6222 {
		t.Errorf("the program listens at %v, and ports are %v", env, ports)
	}
	secret := c.Env[slices.IndexFunc(c.Env, func(e core.EnvVar) bool { return e.Name == "CLUSTER_SECRET" })].ValueFrom.SecretKeyRef
	if command := page(t); !strings.Contains(command, "\nkubectl create secret generic "+secret.Name+" --from-literal="+secret.Key+"=") {
		t.Errorf("the command makes another secret than %v", secret)
	}
	drain, err := time.ParseDuration(env["DRAIN_DELAY"])
	if grace := *pod.Spec.TerminationGracePeriodSeconds; err != nil || time.Duration(grace)*time.Second < drain+20*time.Second {
		t.Errorf("a pod has %d s to stop, and drains for %v: %v", grace, drain, err)
	}
	if p := c.ReadinessProbe; p.HTTPGet.Path != "/readyz" || c.LivenessProbe.HTTPGet.Path != "/livez" || drain <= time.Duration(p.PeriodSeconds*p.FailureThreshold)*time.Second {
		t.Errorf("the probe %+v takes longer than the drain of %v", p, drain)
	}
}
