package main

import (
	"os"
	"strings"
	"testing"
)

func TestManifest(t *testing.T) {
	text, err := os.ReadFile("../kubernetes.yaml")
	if err != nil {
		t.Fatal(err)
	}
	good := string(text)
	if err := check(text); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ old, new, want string }{
		{"  completionMode: Indexed\n", "", "must be Indexed"},
		{"completionMode:", "completionsMode:", `unknown field "spec.completionsMode"`},
		{"completionMode:", "completionmode:", `unknown field "spec.completionmode"`},
		{"completions: 4", "completions: 5", "completions 5, parallelism 4"},
		{"parallelism: 4", "parallelism: 2", "parallelism 2"},
		{"value: \"4\"", "value: \"3\"", `COMMBENCH_WORLD "3"`},
		{"value: \"4\"", "value: 4", "cannot unmarshal number"},
		{"backoffLimit: 0", "backoffLimit: 1", "backoffLimit"},
		{"restartPolicy: Never", "restartPolicy: OnFailure", "restartPolicy"},
		{"subdomain: commbench", "subdomain: other", `subdomain "other"`},
		{"clusterIP: None", "clusterIP: \"\"", "clusterIP"},
		{"publishNotReadyAddresses: true", "publishNotReadyAddresses: false", "publishNotReadyAddresses"},
		{"  selector:\n    app.kubernetes.io/name: commbench\n", "  selector:\n    app: commbench\n", "does not select"},
		{"  template:\n    metadata:\n      labels:\n        app.kubernetes.io/name: commbench\n", "  template:\n", "does not select"},
		{"commbench-0.commbench:29500", "commbench-1.commbench:29500", "not the first pod"},
		{"commbench-0.commbench:29500", "commbench-0.commbench:1", "not one of the Service"},
		{"requests: {cpu: \"8\"", "requests: {cpu: \"4\"", "cpu is requested as 4"},
		{"memory: 16Gi", "memory: 16Gigs", "quantities"},
		{"kind: Service", "kind: Pod", "expected batch/v1 Job"},
		{"\n---\n", "\n---\napiVersion: v1\nkind: Secret\nstringData: {secret: x}\n---\n", "its value is in the file"},
		{"\n---\n", "\n---\n: [\n---\n", "document 2"},
		{"metadata:", "metadata:\n  name: again", `key "name" already set`},
	} {
		if !strings.Contains(good, test.old) {
			t.Errorf("the manifest does not hold %q", test.old)
			continue
		}
		if err := check([]byte(strings.Replace(good, test.old, test.new, 1))); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q for %q: %v, expected %q", test.new, test.old, err, test.want)
		}
	}
}
