package manifest

import (
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// Workflow is what a file below .github/workflows says that can break a promotion.
type Workflow struct {
	Serialized  []JobLine // bump jobs that share a concurrency group with others
	ForeignCode []JobLine // checkouts of a pull request's head in a run that has secrets
	WriteAll    []JobLine // jobs whose token may write everything, because they ask for it
}

// JobLine is a place in a workflow.
type JobLine struct {
	Line int // from 1
	Job  string
}

// ReadWorkflow reads a workflow of GitHub Actions. The only error is a [*Problem]:
// the file cannot be read as YAML.
// https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax
func ReadWorkflow(file string, src []byte) (Workflow, error) {
	var found Workflow
	s, err := read(file, src)
	if err != nil {
		return found, err
	}
	for _, doc := range s.docs {
		if len(doc.Content) == 0 {
			continue
		}
		root := doc.Content[0]
		jobs := value(root, "jobs")
		for name, job := range pairs(orEmpty(jobs)) {
			group, granted := value(job, "concurrency"), value(job, "permissions")
			if group == nil {
				group = value(root, "concurrency")
			}
			if granted == nil {
				granted = value(root, "permissions")
			}
			if scalarText(granted) == "write-all" {
				found.WriteAll = append(found.WriteAll, JobLine{s.lineOf(granted), name.Value})
			}
			if group != nil && bumps(job) {
				found.Serialized = append(found.Serialized, JobLine{s.lineOf(group), name.Value})
			}
			if !triggers(value(root, "on"), "pull_request_target") {
				continue
			}
			for _, ref := range headCheckouts(job) {
				found.ForeignCode = append(found.ForeignCode, JobLine{s.lineOf(ref), name.Value})
			}
		}
	}
	return found, nil
}

func orEmpty(n *yaml.Node) *yaml.Node {
	if n == nil {
		return &yaml.Node{Kind: yaml.MappingNode}
	}
	return n
}

// bumps says whether a job runs pawl bump.
func bumps(job *yaml.Node) bool {
	for _, step := range items(job, "steps") {
		if strings.Contains(scalarText(value(step, "run")), "pawl bump") {
			return true
		}
	}
	return false
}

// triggers says whether a workflow runs on an event.
func triggers(on *yaml.Node, event string) bool {
	if on == nil {
		return false
	}
	if on.Kind == yaml.MappingNode {
		for key := range pairs(on) {
			if key.Value == event {
				return true
			}
		}
	}
	if on.Kind == yaml.SequenceNode {
		for _, item := range on.Content {
			if item.Value == event {
				return true
			}
		}
	}
	return on.Value == event
}

// headCheckouts finds what actions/checkout is told to check out where that is the
// pull request's own code.
func headCheckouts(job *yaml.Node) []*yaml.Node {
	var refs []*yaml.Node
	for _, step := range items(job, "steps") {
		ref := value(value(step, "with"), "ref")
		text := scalarText(ref)
		if strings.HasPrefix(scalarText(value(step, "uses")), "actions/checkout@") &&
			(strings.Contains(text, "pull_request.head.") || strings.Contains(text, "github.head_ref") || strings.Contains(text, "refs/pull/")) {
			refs = append(refs, ref)
		}
	}
	return refs
}
