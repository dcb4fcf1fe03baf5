package cli

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/getpawl/pawl/pkg/bump"
	"github.com/getpawl/pawl/pkg/config"
	"github.com/getpawl/pawl/pkg/git"
	"github.com/getpawl/pawl/pkg/image"
	"github.com/getpawl/pawl/pkg/manifest"
)

// bumpFlags are the flags of pawl bump.
type bumpFlags struct {
	env, repo, digests string
	files, fields      []string
	tag, digest        string
	commit, push       bool
	add, downgrade     bool
	mutable, skip      bool
	create             bool
	dryRun, diff       bool
	author             string
}

func (a *app) bumpCommand() *cobra.Command {
	var flags bumpFlags
	cmd := &cobra.Command{
		Use:   "bump IMAGE…",
		Short: "Set image versions, without touching any other byte",
		Long: `Bump sets the version of images wherever they stand under an environment's paths:
in the images of kustomizations, in containers of manifests and patches, in Helm
values. Only the version's own bytes change.

IMAGE is [NAME=][REGISTRY/]REPOSITORY[:TAG][@DIGEST]. Without --commit or --push
the files below the working directory are edited in place, in or out of a Git
repository. With --push the commit goes to the environment's branch on the
server, on top of whatever others pushed meanwhile.`,
		Example: `  pawl bump ghcr.io/acme/api:1.4.2
  pawl bump ghcr.io/acme/api:1.4.2 --env dev --push
  pawl bump ghcr.io/acme/api --tag 1.4.2 --dry-run
  pawl bump nginx=ghcr.io/acme/nginx:1.27 -f base/kustomization.yaml
  pawl bump --field 'charts/web/values.yaml#server.version=1.4.2'`,
		ValidArgsFunction: a.completeImages,
		RunE:              func(cmd *cobra.Command, args []string) error { return a.bump(cmd.Context(), flags, args) },
	}
	f := cmd.Flags()
	f.StringVar(&flags.env, "env", "", "the environment whose files to edit (default: the first one)")
	f.StringSliceVarP(&flags.files, "file", "f", nil, "edit this `FILE`, folder or glob instead (repeatable)")
	f.BoolVar(&flags.commit, "commit", false, "commit exactly these edits on top of HEAD")
	f.BoolVar(&flags.push, "push", false, "commit to the environment's branch on the server, and push")
	f.BoolVar(&flags.add, "add", false, "add the image to kustomizations that do not have it")
	f.StringArrayVar(&flags.fields, "field", nil, "set any field, a number to a number, all else to a string: `FILE#path.to.key=VALUE` (repeatable)")
	f.BoolVar(&flags.create, "create", false, "create a --field that is missing, in a mapping that is there")
	f.StringVar(&flags.tag, "tag", "", "the tag for every IMAGE that has no version")
	f.StringVar(&flags.digest, "digest", "", "the digest for every IMAGE that has no version")
	f.BoolVar(&flags.mutable, "allow-mutable", false, "set a tag that is moved about, such as latest")
	f.BoolVar(&flags.skip, "skip-unparsable", false, "leave out files that name the image but are templates or broken YAML")
	f.BoolVar(&flags.downgrade, "allow-downgrade", false, "set the version even if it is lower than the present one")
	f.StringVar(&flags.digests, "digest-policy", "refuse", "what to do with a digest beside the tag when no new digest is given: refuse, drop, keep")
	f.StringVar(&flags.author, "author", "", "author and committer, as 'Name <email>' (default: $GIT_AUTHOR_NAME …, the Git configuration)")
	f.BoolVar(&flags.dryRun, "dry-run", false, "print what would be done, and stop")
	f.BoolVar(&flags.diff, "diff", false, "print the diff (a dry run always does)")
	repoFlag(cmd, &flags.repo)
	_ = cmd.RegisterFlagCompletionFunc("env", a.completeEnvironmentFlag)
	a.complete(cmd, "digest-policy", "refuse", "drop", "keep")
	exits(cmd, ExitRefused, ExitTransient, ExitAccess)
	return cmd
}

func (a *app) bump(ctx context.Context, flags bumpFlags, args []string) error {
	ctx, cancel := a.bound(ctx)
	defer cancel()
	request, err := flags.request(args)
	if err != nil {
		return err
	}
	outcome, err := a.bumpWhere(ctx, flags, request)
	if err != nil {
		return err
	}
	outcome.ShowDiff = flags.diff || flags.dryRun
	if outcome.ShowDiff {
		outcome.Diff = outcome.Plan.Diff()
	}
	if flags.dryRun && !outcome.Empty() {
		outcome.Action = bump.ActionPlan
	}
	return errors.Join(a.print(outcome), a.bumpOutputs(outcome))
}

// conflicts reports flags that contradict each other.
func (f bumpFlags) conflicts() []error {
	var problems []error
	if f.commit && f.push {
		problems = append(problems, usagef("", "--commit and --push exclude each other: --push commits too, on the server's branch"))
	}
	if len(f.files) > 0 && f.push {
		problems = append(problems, usagef("", "--file and --push exclude each other: a push edits the environment's files"))
	}
	if len(f.files) > 0 && f.env != "" {
		problems = append(problems, usagef("", "--file and --env exclude each other: both say which files to edit"))
	}
	return problems
}

// version gives an IMAGE without a version the one of --tag and --digest.
func (f bumpFlags) version(arg string) string {
	_, name, renames := strings.Cut(arg, "=")
	if !renames {
		name = arg
	}
	reference, err := image.Parse(name)
	if err != nil || reference.Version() != "" {
		return arg
	}
	if f.tag != "" {
		arg += ":" + f.tag
	}
	if f.digest != "" {
		arg += "@" + f.digest
	}
	return arg
}

// request reads what to set.
func (f bumpFlags) request(args []string) (bump.Request, error) {
	request := bump.Request{Add: f.add, AllowDowngrade: f.downgrade, AllowMutable: f.mutable, SkipUnreadable: f.skip, Create: f.create}
	problems := f.conflicts()
	if len(args)+len(f.fields) == 0 {
		problems = append(problems, usagef("see: pawl bump --help", "which image? give at least one IMAGE, or a --field"))
	}
	for _, arg := range args {
		setting, err := image.ParseSetting(f.version(arg))
		if err != nil {
			problems = append(problems, &usageError{err, "write IMAGE as [NAME=][REGISTRY/]REPOSITORY[:TAG][@DIGEST]"})
			continue
		}
		request.Settings = append(request.Settings, setting)
	}
	for _, field := range f.fields {
		assignment, err := bump.ParseAssignment(field)
		if err != nil {
			problems = append(problems, &usageError{err, ""})
			continue
		}
		request.Assignments = append(request.Assignments, assignment)
	}
	policy, err := manifest.ParseDigestPolicy(f.digests)
	if err != nil {
		problems = append(problems, &usageError{err, ""})
	}
	request.Digests = policy
	return request, errors.Join(problems...)
}

func (a *app) bumpWhere(ctx context.Context, flags bumpFlags, request bump.Request) (*bump.Outcome, error) {
	switch {
	case flags.push:
		return a.bumpPush(ctx, flags, request)
	case flags.commit:
		return a.bumpCommit(ctx, flags, request)
	}
	return a.bumpFiles(ctx, flags, request)
}

// bumpFiles edits files in place.
func (a *app) bumpFiles(ctx context.Context, flags bumpFlags, request bump.Request) (*bump.Outcome, error) {
	place, err := a.place(ctx, flags.env, flags.files, true)
	if err != nil {
		return nil, err
	}
	place.fill(&request)
	directory, err := bump.OpenDirectory(place.root)
	if err != nil {
		return nil, &usageError{err, ""}
	}
	outcome, err := bump.Edit(directory, request, flags.dryRun)
	return outcome, errors.Join(err, directory.Close())
}

// fill completes a request with the files of a place.
func (p place) fill(request *bump.Request) {
	request.Where = p.words
	if p.config != nil {
		request.Images = p.config.Images
	}
	images, assignments := request.Images, request.Assignments
	request.Match = func(path string) bool {
		return p.match(path) || len(config.FieldsIn(images, path)) > 0 ||
			slices.ContainsFunc(assignments, func(a bump.Assignment) bool { return a.File == path })
	}
}

// bumpCommit commits in the checkout.
func (a *app) bumpCommit(ctx context.Context, flags bumpFlags, request bump.Request) (*bump.Outcome, error) {
	place, err := a.place(ctx, flags.env, flags.files, true)
	if err != nil {
		return nil, err
	}
	if place.checkout == nil {
		return nil, usagef("leave out --commit to edit the files", "--commit needs a Git checkout, and this is none")
	}
	place.fill(&request)
	plan, err := bump.PlanCommit(ctx, place.checkout, request)
	if err != nil {
		return nil, err
	}
	if flags.dryRun {
		return &bump.Outcome{Action: bump.ActionNone, Environment: place.env.Name, Branch: plan.Branch, Plan: plan.Plan}, nil
	}
	stamp, err := a.stamp(ctx, flags.author, place.checkout)
	if err != nil {
		return nil, err
	}
	return plan.Apply(ctx, stamp)
}

// bumpPush commits to the environment's branch on the server.
func (a *app) bumpPush(ctx context.Context, flags bumpFlags, request bump.Request) (*bump.Outcome, error) {
	l, err := a.locate(ctx, flags.repo)
	if err != nil {
		return nil, err
	}
	if l.token == "" && !flags.dryRun {
		return nil, errNoToken{}
	}
	remote, err := a.remote(l)
	if err != nil {
		return nil, err
	}
	cfg, err := bump.Environments(ctx, remote, l.config)
	if err != nil {
		return nil, err
	}
	env, err := firstOnly(cfg, flags.env)
	if err != nil {
		return nil, err
	}
	target := place{config: cfg}
	if target, err = target.environment(env.Name); err != nil {
		return nil, err
	}
	target.fill(&request)
	plan, err := bump.PlanPush(ctx, bump.Target{Remote: remote, Branch: env.Branch}, request)
	if err != nil {
		return nil, err
	}
	outcome := &bump.Outcome{Action: bump.ActionNone, Branch: env.Branch, Commit: plan.Tip, Plan: plan.Plan}
	if !flags.dryRun {
		outcome, err = a.applyPush(ctx, flags, l, plan)
	}
	if err != nil {
		return nil, err
	}
	outcome.Environment = env.Name
	return outcome, nil
}

func (a *app) applyPush(ctx context.Context, flags bumpFlags, l location, plan *bump.PushPlan) (*bump.Outcome, error) {
	stamp, err := a.stamp(ctx, flags.author, l.checkout)
	if err != nil {
		return nil, err
	}
	outcome, err := plan.Apply(ctx, stamp, bump.Pause{Sleep: a.host.Sleep, Random: rand.Float64})
	if err != nil {
		return nil, err
	}
	plan.Follow(ctx, l.checkout, outcome)
	return outcome, nil
}

// firstOnly picks the environment that a bump may be pushed to. The others get
// their versions by promotion: a commit of their own would part the branches.
func firstOnly(cfg *config.Config, name string) (config.Environment, error) {
	first := cfg.Environments[0]
	if name == "" || name == first.Name {
		return first, nil
	}
	env, ok := cfg.Environment(name)
	if !ok {
		return env, unknownEnvironment(cfg, name)
	}
	before, _ := cfg.Before(name)
	return env, &bump.Refusal{
		Reason: name + " gets its versions by promotion from " + before.Name + ": a commit of its own would part the branches",
		Fix:    "pawl bump IMAGE --env " + first.Name + " --push, then: pawl promote " + name,
	}
}

// stamp says who commits. In a checkout Git knows; elsewhere the environment, or
// the flag, has to say.
func (a *app) stamp(ctx context.Context, author string, checkout *git.Checkout) (bump.Stamp, error) {
	stamp := bump.Stamp{Now: a.host.Now}
	if author != "" {
		signature, err := git.ParseSignature(author)
		if err != nil {
			return stamp, &usageError{err, "write it as 'Name <email>'"}
		}
		stamp.Author, stamp.Committer = signature, signature
		return stamp, nil
	}
	var err error
	if stamp.Author, err = git.Identity(ctx, a.workdir(), checkout, git.Author, a.host.Getenv); err == nil {
		stamp.Committer, err = git.Identity(ctx, a.workdir(), checkout, git.Committer, a.host.Getenv)
	}
	if errors.Is(err, git.ErrNoIdentity) {
		return a.defaultStamp(), nil
	}
	return stamp, err
}

// defaultStamp is for a job in which nobody configured an identity.
func (a *app) defaultStamp() bump.Stamp {
	signature := git.Signature{Name: "pawl", Email: "pawl@users.noreply.github.com"}
	if a.runner().Active() {
		// The account that GITHUB_TOKEN acts as.
		// https://github.com/actions/checkout#push-a-commit-using-the-built-in-token
		signature = git.Signature{Name: "github-actions[bot]", Email: "41898282+github-actions[bot]@users.noreply.github.com"}
	}
	return bump.Stamp{Author: signature, Committer: signature, Now: a.host.Now}
}

func (a *app) bumpOutputs(outcome *bump.Outcome) error {
	changed := "false"
	if outcome.Action != bump.ActionNone && outcome.Action != bump.ActionPlan {
		changed = "true"
	}
	return a.outputs("action", outcome.Action, "changed", changed, "commit", outcome.Commit, "branch", outcome.Branch)
}
