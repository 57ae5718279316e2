package main

import (
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"

	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
)

// check says everything that is wrong with the manifest.
func (m *manifest) check() error {
	if len(m.jobs) != 1 || len(m.services) != 1 {
		return fmt.Errorf("%d Jobs and %d Services, want one of each", len(m.jobs), len(m.services))
	}
	var errs []error
	want := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	job, service := m.jobs[0], m.services[0]
	pod := job.Spec.Template.Spec
	for _, s := range m.secrets {
		want(len(s.Data)+len(s.StringData) == 0, "Secret %s: its value is in the file, where everybody has it", s.Name)
	}

	want(job.Spec.CompletionMode != nil && *job.Spec.CompletionMode == batch.IndexedCompletion, "Job: completionMode must be Indexed")
	want(job.Spec.BackoffLimit != nil && *job.Spec.BackoffLimit == 0, "Job: backoffLimit must be 0: a process that is started again finds no job")
	want(pod.RestartPolicy == core.RestartPolicyNever, "Job: restartPolicy must be Never")
	want(pod.Subdomain == service.Name, "Job: subdomain %q is not the Service %q, so pods have no names", pod.Subdomain, service.Name)
	want(job.Namespace == service.Namespace, "Job and Service are in namespaces %q and %q", job.Namespace, service.Namespace)
	want(service.Spec.ClusterIP == core.ClusterIPNone, "Service: clusterIP must be None")
	want(service.Spec.PublishNotReadyAddresses, "Service: publishNotReadyAddresses must be true: pods meet before they are ready")
	labels := job.Spec.Template.Labels
	both := map[string]string{}
	maps.Copy(both, labels)
	maps.Copy(both, service.Spec.Selector)
	want(len(service.Spec.Selector) > 0 && maps.Equal(both, labels), "Service: selector %v does not select pods with labels %v", service.Spec.Selector, labels)

	if len(pod.Containers) != 1 {
		return errors.Join(append(errs, fmt.Errorf("%d containers, want one", len(pod.Containers)))...)
	}
	c := pod.Containers[0]
	env := map[string]core.EnvVar{}
	for _, e := range c.Env {
		want(env[e.Name].Name == "", "%s is set twice", e.Name)
		env[e.Name] = e
	}
	world, err := strconv.ParseInt(env["COMMBENCH_WORLD"].Value, 10, 32)
	want(err == nil && same(job.Spec.Completions, world) && same(job.Spec.Parallelism, world),
		"completions %s, parallelism %s and COMMBENCH_WORLD %q must be equal", show(job.Spec.Completions), show(job.Spec.Parallelism), env["COMMBENCH_WORLD"].Value)
	host, port, _ := strings.Cut(env["COMMBENCH_RENDEZVOUS"].Value, ":")
	want(host == job.Name+"-0."+service.Name, "COMMBENCH_RENDEZVOUS: host %q is not the first pod, %s-0.%s", host, job.Name, service.Name)
	listed := false
	for _, p := range service.Spec.Ports {
		listed = listed || strconv.Itoa(int(p.Port)) == port
	}
	want(listed, "COMMBENCH_RENDEZVOUS: port %q is not one of the Service", port)
	secret := env["COMMBENCH_SECRET"]
	want(secret.Value == "" && secret.ValueFrom != nil && secret.ValueFrom.SecretKeyRef != nil, "COMMBENCH_SECRET must come from a Secret")
	for _, name := range []core.ResourceName{core.ResourceCPU, core.ResourceMemory} {
		request, limit := c.Resources.Requests[name], c.Resources.Limits[name]
		want(!request.IsZero() && request.Cmp(limit) == 0, "resources: %s is requested as %s and limited to %s: they must be equal", name, request.String(), limit.String())
	}
	return errors.Join(errs...)
}

func same(n *int32, want int64) bool { return n != nil && int64(*n) == want }

func show(n *int32) string {
	if n == nil {
		return "not set"
	}
	return strconv.Itoa(int(*n))
}
