package manifest_test

import (
	"errors"
	"fmt"
	"strings"

	"github.com/getpawl/pawl/pkg/image"
	"github.com/getpawl/pawl/pkg/manifest"
)

func ExampleFind() {
	src := []byte(`resources: [api.yaml]
images:
  - name: api
    newName: ghcr.io/acme/api
    newTag: 1.4.1
patches:
  - patch: |-
      spec: {image: "ghcr.io/acme/migrate:1.4.0"}
`)
	found, err := manifest.Find("kustomization.yaml", src)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, ref := range found {
		fmt.Printf("%s:%d:%d %s %s %s\n", ref.File, ref.Line, ref.Column, ref.Kind, ref.Path, ref.Image)
	}
	// Output:
	// kustomization.yaml:5:13 kustomize images[0] ghcr.io/acme/api:1.4.1
	// kustomization.yaml:8:43 container patches[0].patch.spec.image ghcr.io/acme/migrate:1.4.0
}

func ExampleSet() {
	src := []byte(`# the public API
image:
  repository: ghcr.io/acme/api
  tag: 1.4.1   # see the release notes
`)
	setting, err := image.ParseSetting("ghcr.io/acme/api:1.5")
	if err != nil {
		fmt.Println(err)
		return
	}
	out, edits, err := manifest.Set("values.yaml", src, []image.Setting{setting}, manifest.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(string(out))
	for _, edit := range edits {
		fmt.Printf("bytes %d to %d: %q becomes %s\n", edit.Start, edit.End, src[edit.Start:edit.End], edit.Text)
	}
	// Output:
	// # the public API
	// image:
	//   repository: ghcr.io/acme/api
	//   tag: "1.5"   # see the release notes
	// bytes 62 to 67: "1.4.1" becomes "1.5"
}

// A refusal says where and why, and no bytes are returned.
func ExampleSet_refused() {
	src := []byte("image: {repository: ghcr.io/acme/api, tag: \"${VERSION}\"}\n")
	setting, err := image.ParseSetting("ghcr.io/acme/api:1.5.0")
	if err != nil {
		fmt.Println(err)
		return
	}
	_, _, err = manifest.Set("values.yaml", src, []image.Setting{setting}, manifest.Options{})
	var problem *manifest.Problem
	if errors.As(err, &problem) {
		fmt.Println("line", problem.Line)
		fmt.Println(problem.Reason)
	}
	// Output:
	// line 1
	// "${VERSION}" is no tag: a variable or a template must be changed by hand
}

// What Find lists is what Set would change, so a caller can choose: here what a
// Deployment runs, and not its init container.
func ExampleSet_chosen() {
	src := []byte(`kind: Deployment
spec:
  template:
    spec:
      initContainers: [{image: "ghcr.io/acme/api:1.4.1"}]
      containers: [{image: "ghcr.io/acme/api:1.4.1"}]
`)
	setting, err := image.ParseSetting("ghcr.io/acme/api:1.5.0")
	if err != nil {
		fmt.Println(err)
		return
	}
	found, err := manifest.Find("deployment.yaml", src)
	if err != nil {
		fmt.Println(err)
		return
	}
	chosen := map[manifest.Found]bool{}
	for _, ref := range found {
		chosen[ref] = ref.Matches(setting) && !strings.Contains(ref.Path, "initContainers")
	}
	out, edits, err := manifest.Set("deployment.yaml", src, []image.Setting{setting}, manifest.Options{
		Skip: func(ref manifest.Found) bool { return !chosen[ref] },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%d of %d changed\n%s", len(edits), len(found), out)
	// Output:
	// 1 of 2 changed
	// kind: Deployment
	// spec:
	//   template:
	//     spec:
	//       initContainers: [{image: "ghcr.io/acme/api:1.4.1"}]
	//       containers: [{image: "ghcr.io/acme/api:1.5.0"}]
}
