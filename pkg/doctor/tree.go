package doctor

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/getpawl/pawl/pkg/config"
	"github.com/getpawl/pawl/pkg/gate"
	"github.com/getpawl/pawl/pkg/git"
	"github.com/getpawl/pawl/pkg/image"
	"github.com/getpawl/pawl/pkg/manifest"
)

// tree is what one branch holds at its head.
type tree struct {
	env   config.Environment
	paths []string // of all files
	files []git.File
}

// readable says which files are read: manifests, workflows, and what may hold a
// secret.
func readable(name string) bool {
	return manifest.IsYAML(name) || strings.HasSuffix(name, ".json") || path.Base(name) == ".env" || name == config.FileName
}

// checkTree looks at the files of every branch. Branches at one commit hold the same
// files, which are read once.
func (a *audit) checkTree(ctx context.Context) error {
	var trees []tree
	var all []git.File
	for _, env := range a.cfg.Environments {
		if a.head(env) == "" {
			continue
		}
		t := tree{env: env}
		if _, err := a.objects.Files(a.head(env), func(name string) bool { t.paths = append(t.paths, name); return false }); err != nil {
			return err
		}
		var err error
		if t.files, err = a.objects.Files(a.head(env), readable); err != nil {
			return err
		}
		trees, all = append(trees, t), append(all, t.files...)
	}
	if err := a.objects.Load(ctx, all); err != nil {
		return err
	}
	a.checkConfigs(trees)
	for _, t := range trees {
		if err := a.checkFiles(t); err != nil {
			return err
		}
	}
	return nil
}

// checkConfigs looks whether every branch has a configuration that can be read, and
// whether they agree about the environments.
func (a *audit) checkConfigs(trees []tree) {
	for _, t := range trees {
		i := slices.IndexFunc(t.files, func(f git.File) bool { return f.Path == config.FileName })
		if i < 0 {
			continue
		}
		data, err := a.objects.Content(t.files[i])
		var cfg *config.Config
		if err == nil {
			cfg, err = config.Parse(config.FileName+" at "+t.env.Branch, data)
		}
		if err != nil {
			a.find(Error, "config-invalid", fmt.Sprintf("%s at %s cannot be read: %v", config.FileName, t.env.Branch, err),
				"the gates of "+t.env.Name+" come from there: nothing is promoted into it", "correct it in "+a.cfg.Environments[0].Branch+" and promote, after: pawl config validate")
			continue
		}
		if order(cfg) != order(a.cfg) {
			a.find(Warning, "config-differs", fmt.Sprintf("%s at %s has the environments %s, and elsewhere they are %s", config.FileName, t.env.Branch, order(cfg), order(a.cfg)),
				"each branch rules its own promotions: they do not agree on the way", "promote the change of "+config.FileName+" to every branch")
		}
	}
}

// order is the environments with their branches, in words.
func order(cfg *config.Config) string {
	var list []string
	for _, env := range cfg.Environments {
		list = append(list, env.Name+" on "+env.Branch)
	}
	return strings.Join(list, " → ")
}

// checkFiles looks at the files of one branch.
func (a *audit) checkFiles(t tree) error {
	var found []manifest.Found
	var watches []manifest.Watch
	for _, file := range t.files {
		src, err := a.objects.Content(file)
		if err != nil {
			return err
		}
		for _, secret := range manifest.Secrets(file.Path, nil, src) {
			a.find(Error, "secret", fmt.Sprintf("%s:%d holds %s", file.Path, secret.Line, secret.Rule), "everybody who may read the repository, or its history, has it",
				"revoke it, then keep it in a SealedSecret, an ExternalSecret, or encrypted with SOPS")
		}
		if !manifest.IsYAML(file.Path) {
			continue
		}
		if strings.HasPrefix(file.Path, ".github/workflows/") {
			a.checkWorkflow(file.Path, src)
			continue
		}
		if manifest.Incidental(file.Path) || file.Path == config.FileName {
			continue
		}
		refs, err := manifest.Find(file.Path, src)
		if err != nil {
			var problem *manifest.Problem
			if !errors.As(err, &problem) {
				return err
			}
			continue // a template, or something else that is no manifest
		}
		found = append(found, refs...)
		if more, err := manifest.Watches(file.Path, src); err == nil {
			watches = append(watches, more...)
		}
	}
	a.checkImages(t, found)
	a.checkEngines(t, watches)
	return nil
}

// checkImages looks for versions that a bump does not reach, and for images that
// tomorrow may be others.
func (a *audit) checkImages(t tree, found []manifest.Found) {
	based, pinned := map[string]manifest.Found{}, map[string]bool{}
	for _, ref := range found {
		if ref.Image.Version() == "" {
			continue
		}
		if t.env.Match(ref.File) {
			based[ref.Image.Repository()] = ref
		}
		if ref.Kind == manifest.Kustomize {
			pinned[ref.Image.Repository()] = true
			if name, err := image.Parse(ref.Name); err == nil {
				pinned[name.Repository()] = true
			}
		}
	}
	for _, ref := range found {
		name := ref.Image.Repository()
		base, versioned := based[name]
		if ref.Kind == manifest.Kustomize && versioned && ref.Image.Version() != "" && !t.env.Match(ref.File) {
			a.find(Error, "image-shadowed", fmt.Sprintf("%s:%d sets a version of %s, which %s:%d has as well", ref.File, ref.Line, ref.Image.Name, base.File, base.Line),
				"the overlay wins: a bump and a promotion change nothing there", fmt.Sprintf("remove the entry of %s from images: in %s", ref.Image.Name, ref.File))
		}
		where := fmt.Sprintf("%s:%d", ref.File, ref.Line)
		switch tag := ref.Image.Tag; {
		case ref.Image.Digest != "" || pinned[name] && ref.Kind != manifest.Kustomize:
		case ref.Image.Version() == "" && ref.Kind == manifest.Container:
			a.find(Warning, "image-unpinned", fmt.Sprintf("%s: %s has no version", where, ref.Image.Name), "it means latest: what runs changes without a promotion",
				fmt.Sprintf("pawl bump %s:VERSION -f %s", ref.Image.Name, ref.File))
		case image.MutableTag(tag):
			a.find(Warning, "image-unpinned", fmt.Sprintf("%s: %s:%s can be another image tomorrow", where, ref.Image.Name, tag), "what runs changes without a promotion",
				fmt.Sprintf("pawl bump %s:VERSION -f %s", ref.Image.Name, ref.File))
		}
	}
}

// checkEngines compares what the GitOps engine watches with the environments.
func (a *audit) checkEngines(t tree, watches []manifest.Watch) {
	sources := map[string]manifest.Watch{}
	for _, w := range watches {
		if w.Key != "" {
			sources[w.Key] = w
		}
	}
	for _, w := range watches {
		if w.Source != "" {
			from := sources[w.Source]
			w.URL, w.Revision, w.Field = from.URL, from.Revision, from.Field+" of its GitRepository"
		}
		if w.Key == "" && a.isHere(w.URL) {
			a.checkEngine(t, w)
		}
	}
}

// isHere says whether an address is that of this repository. An address that cannot
// be read is another's.
func (a *audit) isHere(address string) bool {
	_, owner, name, err := git.ParseURL(address)
	return err == nil && strings.EqualFold(owner+"/"+name, a.Name)
}

// checkEngine looks at one resource, if its folder says whose it is: it must watch
// the branch of that environment, and the folder must be there.
func (a *audit) checkEngine(t tree, w manifest.Watch) {
	folder := path.Clean("/" + w.Path)[1:]
	i := slices.IndexFunc(a.cfg.Environments, func(env config.Environment) bool {
		return slices.ContainsFunc(strings.Split(folder, "/"), func(part string) bool { return part == env.Name || part == env.Branch })
	})
	if i < 0 {
		return
	}
	env := a.cfg.Environments[i]
	where := fmt.Sprintf("%s:%d: %s %s", w.File, w.Line, w.Kind, w.Name)
	if a.watched(w.Revision) != env.Branch {
		a.find(Error, "engine-branch", fmt.Sprintf("%s deploys %s from %q", where, folder, w.Revision), "promotions into "+env.Name+" move the branch "+env.Branch+", which it does not watch",
			w.Field+": "+env.Branch)
	}
	if !w.Pattern && t.env.Name == env.Name && !slices.ContainsFunc(t.paths, func(name string) bool { return strings.HasPrefix(name, folder+"/") }) {
		a.find(Error, "engine-path", fmt.Sprintf("%s deploys %s, which %s (%s) does not have", where, folder, env.Branch, gate.Short(a.head(env))), "there is nothing to deploy",
			"correct the path, or promote what adds "+folder)
	}
}

// watched is the branch that a revision means: HEAD, or none, is the default branch.
// https://argo-cd.readthedocs.io/en/stable/user-guide/tracking_strategies/#head-branch-tracking
func (a *audit) watched(revision string) string {
	if revision == "" || revision == "HEAD" {
		return a.main
	}
	return strings.TrimPrefix(revision, "refs/heads/")
}

// checkWorkflow looks at a workflow of GitHub Actions.
func (a *audit) checkWorkflow(file string, src []byte) {
	workflow, err := manifest.ReadWorkflow(file, src)
	if err != nil {
		return // GitHub says so, too
	}
	for _, at := range workflow.Serialized {
		a.find(Warning, "workflow-concurrency", fmt.Sprintf("%s:%d: the job %s bumps in a concurrency group", file, at.Line, at.Job),
			"GitHub keeps one waiting run a group and cancels the others: their bumps are lost", "remove concurrency: there; pawl bump lets jobs push at the same time")
	}
	for _, at := range workflow.WriteAll {
		a.find(Warning, "workflow-permissions", fmt.Sprintf("%s:%d: the job %s has a token that may write everything", file, at.Line, at.Job),
			"each of its steps can push, and set every commit status", "permissions: there: name what the job needs, such as contents: read (docs/how-to/github-actions.md)")
	}
	for _, at := range workflow.ForeignCode {
		a.find(Error, "workflow-foreign-code", fmt.Sprintf("%s:%d: the job %s checks out a pull request's code on pull_request_target", file, at.Line, at.Job),
			"what a stranger proposes runs with the secrets of the repository", "remove the checkout: pawl verify needs none; or use on: pull_request")
	}
}
