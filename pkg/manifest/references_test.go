package manifest

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReferences(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		file, src string
		want      []string
	}{
		"folders and files": {"overlays/staging/kustomization.yaml",
			"resources:\n  - ../../base\n  - ./ingress.yaml\n  - ingress.yaml\nbases: [../other]\ncomponents: [../../components/tls/]\n",
			[]string{"base", "components/tls", "overlays/other", "overlays/staging/ingress.yaml"}},
		"patches": {"a/kustomization.yml",
			"patches:\n  - path: p.yaml\n  - {patch: 'x: 1', target: {kind: Deployment}}\npatchesStrategicMerge:\n  - s.yaml\n  - |-\n    kind: Deployment\n    metadata: {name: x}\npatchesJson6902: [{path: j.json}]\nreplacements: [{path: r.yaml}, {source: {}}]\n",
			[]string{"a/j.json", "a/p.yaml", "a/r.yaml", "a/s.yaml"}},
		"generators": {"Kustomization",
			"configMapGenerator:\n  - name: c\n    files: [a.txt, b=dir/b.txt]\n    envs: [e.env]\n    env: old.env\n    literals: [x=y]\nsecretGenerator: [{files: [s.pem]}]\n",
			[]string{"a.txt", "dir/b.txt", "e.env", "old.env", "s.pem"}},
		"others": {"k/kustomization.yaml",
			"crds: [c.yaml]\nconfigurations: [n.yaml]\ngenerators: [g.yaml]\ntransformers: [t]\nvalidators: [v]\nopenapi: {path: o.json}\nhelmCharts:\n  - {name: x, valuesFile: v.yaml, additionalValuesFiles: [w.yaml]}\n",
			[]string{"k/c.yaml", "k/g.yaml", "k/n.yaml", "k/o.json", "k/t", "k/v", "k/v.yaml", "k/w.yaml"}},
		"component by its kind": {"c/part.yaml", "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nresources: [x.yaml]\n", []string{"c/x.yaml"}},
		"elsewhere":             {"a/kustomization.yaml", "resources: ['https://example.com/x.yaml', 'git@example.com:a/b', /etc/passwd, ../../out, ../.., '', 1]\n", []string{"a/1"}},
		"alias":                 {"a/kustomization.yaml", "x: &x [b.yaml]\nresources: *x\n", []string{"a/b.yaml"}},
		"of Flux":               {"a/kustomization.yaml", "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nresources: [x.yaml]\n", nil},
		"a manifest":            {"a/deploy.yaml", "kind: Deployment\nresources: [x.yaml]\n", nil},
		"no mapping":            {"kustomization.yaml", "- resources\n", nil},
		"empty":                 {"kustomization.yaml", "", nil},
	} {
		got, err := References(test.file, []byte(test.src))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", name, diff)
		}
	}
}

func TestObjects(t *testing.T) {
	t.Parallel()
	got, err := Objects("a.yaml", []byte("kind: Deployment\nmetadata: {name: api, namespace: shop}\n---\n# nothing\n---\nreplicas: 2\n---\nkind: Service\nmetadata:\n  name: &n web\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := []Object{{0, "Deployment", "shop", "api"}, {3, "Service", "", "web"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestReferencesAndObjectsRefuseWhatIsNotYAML(t *testing.T) {
	t.Parallel()
	var problem *Problem
	if _, err := References("kustomization.yaml", []byte("{{ x }}: [")); !errors.As(err, &problem) {
		t.Errorf("References: %v", err)
	}
	if _, err := Objects("a.yaml", []byte("\x00")); !errors.As(err, &problem) {
		t.Errorf("Objects: %v", err)
	}
}

func FuzzReferences(f *testing.F) {
	f.Add([]byte("resources: [../x]\nconfigMapGenerator: [{files: [a=b]}]\nx: &x {resources: *x}\n"))
	f.Fuzz(func(t *testing.T, src []byte) {
		paths, err := References("a/b/kustomization.yaml", src)
		if err != nil {
			return
		}
		for _, p := range paths {
			if p == "" || p[0] == '/' || p == ".." || len(p) > 2 && p[:3] == "../" {
				t.Fatalf("%q leads out of the repository", p)
			}
		}
		_, _ = Objects("a.yaml", src)
	})
}
