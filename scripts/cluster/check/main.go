// Command check holds the Kubernetes manifest of commbench to the API's own types,
// with unknown fields refused, and to what commbench needs of it.
//
//	go run . ../kubernetes.yaml
//
// It is a module of its own so that commbench itself needs nothing of Kubernetes.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"

	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	"sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: check MANIFEST")
		os.Exit(2)
	}
	text, err := os.ReadFile(os.Args[1])
	if err == nil {
		err = check(text)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "check: %s: %v\n", os.Args[1], err)
		os.Exit(1)
	}
}

// manifest is what the file may hold.
type manifest struct {
	jobs     []batch.Job
	services []core.Service
	secrets  []core.Secret
}

func check(text []byte) error {
	m, err := parse(text)
	if err != nil {
		return err
	}
	return m.check()
}

// parse decodes every document of the file strictly.
func parse(text []byte) (*manifest, error) {
	m := &manifest{}
	for i, doc := range bytes.Split(text, []byte("\n---\n")) {
		var kind struct{ APIVersion, Kind string }
		if err := yaml.Unmarshal(doc, &kind); err != nil {
			return nil, fmt.Errorf("document %d: %w", i+1, err)
		}
		var err error
		switch kind.APIVersion + " " + kind.Kind {
		case "batch/v1 Job":
			m.jobs, err = decode(m.jobs, doc)
		case "v1 Service":
			m.services, err = decode(m.services, doc)
		case "v1 Secret":
			m.secrets, err = decode(m.secrets, doc)
		default:
			err = errors.New("expected batch/v1 Job, v1 Service or v1 Secret")
		}
		if err != nil {
			return nil, fmt.Errorf("document %d, %s %s: %w", i+1, kind.APIVersion, kind.Kind, err)
		}
	}
	return m, nil
}

// decode reads a document as the API server would: case counts, and a number is no string.
func decode[T any](all []T, doc []byte) ([]T, error) {
	text, err := yaml.YAMLToJSONStrict(doc)
	if err != nil {
		return nil, err
	}
	var one T
	strict, err := json.UnmarshalStrict(text, &one)
	if err := errors.Join(append(strict, err)...); err != nil {
		return nil, err
	}
	return append(all, one), nil
}
