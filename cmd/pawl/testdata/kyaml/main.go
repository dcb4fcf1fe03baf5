// Command kyaml sets the tag of an image in the files below the working directory
// in the way of most tools: kyaml reads every file into nodes, they are changed
// there, and it writes the files again. It is what pawl is measured against, and
// part of no release.
package main

import (
	"fmt"
	"os"
	"path"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/kio"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

func main() {
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(name, tag string) error {
	files := &kio.LocalPackageReadWriter{
		PackagePath:       ".",
		PreserveSeqIndent: true,
		// kyaml gives up on the first file that is not YAML.
		FileSkipFunc: func(file string) bool { return path.Base(path.Dir(file)) == "templates" },
	}
	setTag := kio.FilterFunc(func(nodes []*yaml.RNode) ([]*yaml.RNode, error) {
		for _, node := range nodes {
			if err := set(node, name, tag); err != nil {
				return nil, err
			}
		}
		return nodes, nil
	})
	return kio.Pipeline{Inputs: []kio.Reader{files}, Filters: []kio.Filter{setTag}, Outputs: []kio.Writer{files}}.Execute()
}

// set gives the image its tag in a kustomization and in containers.
func set(node *yaml.RNode, name, tag string) error {
	entry, err := node.Pipe(yaml.Lookup("images", "[name="+name+"]"))
	if err != nil {
		return err
	}
	if entry != nil {
		return entry.PipeE(yaml.SetField("newTag", yaml.NewStringRNode(tag)))
	}
	containers, err := node.Pipe(yaml.Lookup("spec", "template", "spec", "containers"))
	if err != nil || containers == nil {
		return err
	}
	return containers.VisitElements(func(container *yaml.RNode) error {
		field := container.Field("image")
		if field == nil || !strings.HasPrefix(yaml.GetValue(field.Value), name+":") {
			return nil
		}
		return container.PipeE(yaml.SetField("image", yaml.NewStringRNode(name+":"+tag)))
	})
}
