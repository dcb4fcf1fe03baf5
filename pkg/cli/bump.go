package cli

import (
	"context"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

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
	pr, draft          bool
	labels, reviewers  []string
	add, downgrade     bool
	mutable, skip      bool
	create             bool
	dryRun, diff       bool
	author, via        string
	remote, branch     string
	list               string
	key, source        string
	sequence           uint64
	given              map[string]bool // flags that were given, even if with an empty value
}

// decimal is a number that is written in tens: 0100 is a hundred, and not 64.
type decimal uint64

func (d *decimal) String() string { return strconv.FormatUint(uint64(*d), 10) }
func (d *decimal) Type() string   { return "uint" }

func (d *decimal) Set(text string) error {
	number, err := strconv.ParseUint(text, 10, 64)
	*d = decimal(number)
	return err
}

// lands says that the bump is for the repository on the server. A repository that
// is named is that one: there are no files of it here, or they are not meant.
func (f bumpFlags) lands() bool { return f.push || f.pr || f.repo != "" || f.remote != "" }

func (a *app) bumpCommand() *cobra.Command {
	var flags bumpFlags
	cmd := &cobra.Command{
		Use:   "bump IMAGE…",
		Short: "Set image versions, without touching any other byte",
		Long: `Bump sets the version of images wherever they stand under an environment's paths:
in the images of kustomizations, in containers of manifests and patches, in Helm
values. Only the version's own bytes change.

IMAGE is [NAME=][REGISTRY/]REPOSITORY[:TAG][@DIGEST]; --from-file has a list of them.
Without other flags the files below the working directory are edited in place, in
or out of a Git repository. What Git ignores is left alone, unless --file names it.
With --commit exactly these edits are committed on top of HEAD, and whatever else is
staged or changed stays as it is; that is refused while the branch of another
environment is checked out.

--file names files from the working directory, or, where --repo or --remote says which
repository is meant, from the top of that.

With --push the commit goes to the environment's branch on the server, on top of
whatever others pushed meanwhile; no checkout is needed. --repo and --remote say
which repository, and mean the one on the server: they push unless --pr is given.

With --pr the commit goes to the environment's one open pull request of bumps,
from the branch pawl/bump/ENV, which all pipelines share; if there is none, it is
opened.

A job of a pipeline that is run again finds what it did before and does nothing. So
does one that comes late: when a newer version is in place, it is left alone, and
the exit code is 0. Tags that are versions are compared as such; else the run
number decides (--sequence), else which version the branch had first. A person, who
has neither run number nor --key, is refused instead, with exit code 4.`,
		Example: `  pawl bump ghcr.io/acme/api:1.4.2
  pawl bump ghcr.io/acme/api:1.4.2 --env dev --push
  pawl bump ghcr.io/acme/api:1.4.2 --repo acme/config --env dev
  pawl bump ghcr.io/acme/api:1.4.2 --remote https://git.example.com/config.git --branch dev
  pawl bump --from-file images.json --repo acme/config --env dev
  pawl bump ghcr.io/acme/api:1.4.2 --repo acme/config --env dev --pr --reviewer acme/platform
  pawl bump ghcr.io/acme/api --tag 1.4.2 --dry-run
  pawl bump nginx=ghcr.io/acme/nginx:1.27 -f base/kustomization.yaml
  pawl bump --field 'charts/web/values.yaml#server.version=1.4.2'`,
		ValidArgsFunction: a.completeImages,
		RunE: func(cmd *cobra.Command, args []string) error {
			flags.given = map[string]bool{}
			cmd.Flags().Visit(func(f *pflag.Flag) { flags.given[f.Name] = true })
			return a.bump(cmd.Context(), flags, args)
		},
	}
	flags.register(cmd.Flags())
	repoFlag(cmd, &flags.repo)
	_ = cmd.RegisterFlagCompletionFunc("env", a.completeEnvironmentFlag)
	a.complete(cmd, "digest-policy", "refuse", "drop", "keep")
	a.complete(cmd, "commit-via", "git", "api")
	exits(cmd, ExitRefused, ExitTransient, ExitAccess)
	return cmd
}

// register adds the flags that only bump has.
func (f *bumpFlags) register(set *pflag.FlagSet) {
	set.StringVar(&f.env, "env", "", "the environment whose files to edit (default: the first one)")
	set.StringArrayVarP(&f.files, "file", "f", nil, "edit this `FILE`, folder or glob instead (repeatable)")
	set.BoolVar(&f.commit, "commit", false, "commit exactly these edits on top of HEAD")
	set.BoolVar(&f.push, "push", false, "commit to the environment's branch on the server, and push")
	set.BoolVar(&f.pr, "pr", false, "add to the environment's pull request of bumps instead of pushing; open it if there is none")
	set.BoolVar(&f.draft, "draft", false, "with --pr: open it as a draft")
	set.StringSliceVar(&f.reviewers, "reviewer", nil, "with --pr: ask `USER` or ORG/TEAM for a review (repeatable)")
	set.StringSliceVar(&f.labels, "label", nil, "with --pr: add a label (repeatable)")
	set.StringVar(&f.remote, "remote", "", "push to the Git repository at this `URL` instead of --repo")
	set.StringVar(&f.branch, "branch", "", "the branch of --repo or --remote to push to, instead of --env")
	set.StringVar(&f.list, "from-file", "", "more images, from a `FILE` with a YAML or JSON list; - is standard input")
	set.StringVar(&f.key, "key", "", "what tells this job from others, when it is run again (default: from the CI service's variables)")
	set.Var((*decimal)(&f.sequence), "sequence", "the number of this run: a higher one is newer (default: from the CI service's variables)")
	set.StringVar(&f.source, "source", "", "the application's commit, as OWNER/NAME@SHA (default: from the CI service's variables)")
	set.BoolVar(&f.add, "add", false, "add the image to kustomizations that do not have it")
	set.StringArrayVar(&f.fields, "field", nil, "set any field, a number to a number, all else to a string: `FILE#path.to.key=VALUE` (repeatable)")
	set.BoolVar(&f.create, "create", false, "create a --field that is missing, in a mapping that is there")
	set.StringVar(&f.tag, "tag", "", "the tag for every IMAGE that has no version")
	set.StringVar(&f.digest, "digest", "", "the digest for every IMAGE that has no version")
	set.BoolVar(&f.mutable, "allow-mutable", false, "set a tag that is moved about, such as latest")
	set.BoolVar(&f.skip, "skip-unparsable", false, "leave out files that name the image but are templates or broken YAML")
	set.BoolVar(&f.downgrade, "allow-downgrade", false, "set the version even if it is lower than the present one")
	set.StringVar(&f.digests, "digest-policy", "refuse", "what to do with a digest beside the tag when no new digest is given: refuse, drop, keep")
	set.StringVar(&f.author, "author", "", "author and committer, as 'Name <email>' (default: $GIT_AUTHOR_NAME …, the Git configuration)")
	set.StringVar(&f.via, "commit-via", "git", "who makes the commit that is pushed: git, or the service's api, which signs it in the name of the token's owner")
	set.BoolVar(&f.dryRun, "dry-run", false, "print what would be done, and stop")
	set.BoolVar(&f.diff, "diff", false, "print the diff (a dry run always does)")
}

func (a *app) bump(ctx context.Context, flags bumpFlags, args []string) error {
	ctx, cancel := a.bound(ctx)
	defer cancel()
	if err := flags.empty(); err != nil {
		return err
	}
	args, err := a.withList(ctx, flags, args)
	if err != nil {
		return err
	}
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

// empty refuses flags that were given without a value. It is a variable that is not
// set, most of the time, and without the flag the command would mean something else.
func (f bumpFlags) empty() error {
	var problems []error
	for _, flag := range []struct {
		name  string
		empty bool
	}{
		{"env", f.env == ""}, {"repo", f.repo == ""}, {"remote", f.remote == ""}, {"branch", f.branch == ""},
		{"from-file", f.list == ""}, {"tag", f.tag == ""}, {"digest", f.digest == ""}, {"author", f.author == ""},
		{"commit-via", f.via == ""}, {"file", len(f.files) == 0 || slices.Contains(f.files, "")},
	} {
		if f.given[flag.name] && flag.empty {
			problems = append(problems, usagef("is a variable not set? otherwise leave the flag out", "--%s is empty", flag.name))
		}
	}
	return errors.Join(problems...)
}

// conflicts reports flags that contradict each other.
func (f bumpFlags) conflicts() []error {
	var problems []error
	exclude := func(both bool, text string) {
		if both {
			problems = append(problems, usagef("", "%s", text))
		}
	}
	exclude(f.commit && (f.push || f.pr), "--commit and --push exclude each other: --push commits too, on the server's branch")
	exclude(f.push && f.pr, "--push and --pr exclude each other: --pr opens a pull request instead")
	exclude(f.commit && (f.repo != "" || f.remote != ""), "--commit is for the checkout here; leave out --repo and --remote, or use --push")
	exclude(f.repo != "" && f.remote != "", "--repo and --remote exclude each other: both say which repository")
	exclude(f.branch != "" && f.env != "", "--branch and --env exclude each other: both say which branch")
	exclude(f.branch != "" && !f.lands(), "--branch is for a bump on the server: add --push, --repo or --remote")
	exclude(f.remote != "" && f.branch == "" && f.env == "", "--remote needs --branch, or --env if there is a .pawl.yaml in that repository")
	if err := config.CheckBranch(f.branch); f.branch != "" && err != nil {
		problems = append(problems, usagef("", "--branch %q: %v", f.branch, err))
	}
	exclude(f.remote != "" && f.pr, "--remote and --pr exclude each other: pull requests need --repo")
	exclude(!f.pr && (f.draft || len(f.labels)+len(f.reviewers) > 0), "--draft, --label and --reviewer are for a pull request: add --pr")
	exclude(f.pr && f.branch != "", "--pr and --branch exclude each other: the pull request is into an environment")
	exclude(!slices.Contains([]string{"git", "api"}, f.via), fmt.Sprintf("unknown value %q for --commit-via: use git or api", f.via))
	exclude(f.via == "api" && (f.remote != "" || !f.lands()), "--commit-via api is for a bump on the service: add --push or --repo")
	exclude(f.via == "api" && f.pr, "--commit-via api and --pr exclude each other: the branch of the pull request is pushed with Git")
	exclude(f.via == "api" && f.author != "", "--commit-via api and --author exclude each other: the author is the token's owner")
	exclude(len(f.files) > 0 && f.env != "" && !f.lands(), "--file and --env exclude each other: both say which files to edit")
	exclude(!oneLine(f.key), "--key holds a line break or another character that cannot stand in a commit's message")
	exclude(!oneLine(f.source), "--source holds a line break or another character that cannot stand in a commit's message")
	return problems
}

func oneLine(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

// contradictions reports what is to be set to two things at once.
func contradictions(request bump.Request) []error {
	var problems []error
	for i, setting := range request.Settings {
		before := slices.IndexFunc(request.Settings[:i], func(s image.Setting) bool { return s.Match == setting.Match })
		if before >= 0 && request.Settings[before].New != setting.New {
			problems = append(problems, usagef("give each image once", "%s has two versions, %s and %s",
				setting.Match, request.Settings[before].New.Version(), setting.New.Version()))
		}
	}
	for i, field := range request.Assignments {
		before := slices.IndexFunc(request.Assignments[:i], func(a bump.Assignment) bool { return a.File == field.File && a.Path == field.Path })
		if before >= 0 && request.Assignments[before].Value != field.Value {
			problems = append(problems, usagef("give each field once", "%s#%s has two values, %q and %q",
				field.File, field.Path, request.Assignments[before].Value, field.Value))
		}
	}
	return problems
}

// unused reports a version that no IMAGE takes.
func (f bumpFlags) unused(args []string) []error {
	if slices.ContainsFunc(args, func(arg string) bool { return f.version(arg) != arg }) {
		return nil
	}
	var problems []error
	for _, flag := range []string{"tag", "digest"} {
		if f.given[flag] {
			problems = append(problems, usagef("write "+exampleOf(args)+":TAG@DIGEST, or leave the version out there",
				"--%s is for an IMAGE without a version, and every one has its own", flag))
		}
	}
	return problems
}

// exampleOf returns the name of the first image.
func exampleOf(args []string) string {
	for _, arg := range args {
		if setting, err := image.ParseSetting(arg); err == nil {
			return setting.New.Name
		}
	}
	return "IMAGE"
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
		problems = append(problems, usagef("see: pawl bump --help", "which image? give at least one IMAGE, a --from-file or a --field"))
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
	if len(problems) == 0 {
		problems = append(contradictions(request), f.unused(args)...)
	}
	return request, errors.Join(problems...)
}

func (a *app) bumpWhere(ctx context.Context, flags bumpFlags, request bump.Request) (*bump.Outcome, error) {
	switch {
	case flags.lands():
		return a.land(ctx, flags, request)
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
	a.collect(collectLater) // many small files: nearly all that is made for one is garbage soon
	directory, err := a.open(ctx, place)
	if err != nil {
		return nil, err
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
	request.Assignments = slices.Clone(request.Assignments)
	for i, assignment := range request.Assignments {
		request.Assignments[i].File = path.Join(p.below, assignment.File)
	}
	images, assignments := request.Images, request.Assignments
	request.Match = func(path string) bool {
		return p.match(path) || !p.only && len(config.FieldsIn(images, path)) > 0 ||
			slices.ContainsFunc(assignments, func(a bump.Assignment) bool { return a.File == path })
	}
	patterns := slices.Clone(p.patterns)
	for _, image := range images {
		for _, field := range image.Fields {
			patterns = append(patterns, field.File)
		}
	}
	for _, assignment := range assignments {
		patterns = append(patterns, assignment.File)
	}
	request.Folder = func(path string) bool {
		return slices.ContainsFunc(patterns, func(pattern string) bool { return leadsTo(path, pattern) })
	}
}

// bumpCommit commits in the checkout.
func (a *app) bumpCommit(ctx context.Context, flags bumpFlags, request bump.Request) (*bump.Outcome, error) {
	place, err := a.place(ctx, flags.env, flags.files, true)
	if err != nil {
		return nil, err
	}
	if place.checkout == nil && a.unseen != nil {
		return nil, usagef("--repo and --remote need no git program", "committing on top of HEAD: %v", a.unseen)
	}
	if place.checkout == nil {
		return nil, usagef("leave out --commit to edit the files", "--commit needs a Git checkout, and this is none")
	}
	if err := onItsBranch(ctx, place); err != nil {
		return nil, err
	}
	if place, err = place.fromTop(a.workdir()); err != nil {
		return nil, err
	}
	request.Job = a.job(flags, "", flags.what(request))
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

// onItsBranch refuses to commit an environment's versions on the branch of another
// one. On a branch that is no environment's, or on none, anybody may commit.
func onItsBranch(ctx context.Context, p place) error {
	if p.env.Name == "" {
		return nil
	}
	branch, _, err := p.checkout.Head(ctx)
	if err != nil || branch == p.env.Branch {
		return nil //nolint:nilerr // the plan says what is wrong with HEAD
	}
	i := slices.IndexFunc(p.config.Environments, func(env config.Environment) bool { return env.Branch == branch })
	if branch == "" || i < 0 {
		return nil
	}
	return &bump.Refusal{
		Reason: fmt.Sprintf("%s is checked out, the branch of %s, and the files are those of %s, which is on %s",
			branch, p.config.Environments[i].Name, p.env.Name, p.env.Branch),
		Fix: fmt.Sprintf("git switch %s first; or, whatever is checked out: pawl bump IMAGE --env %s --push", p.env.Branch, p.env.Name),
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
		return a.signing(ctx, stamp, checkout)
	}
	var err error
	if stamp.Author, err = git.Identity(ctx, a.workdir(), checkout, git.Author, a.host.Getenv); err == nil {
		stamp.Committer, err = git.Identity(ctx, a.workdir(), checkout, git.Committer, a.host.Getenv)
	}
	if errors.Is(err, git.ErrNoIdentity) {
		return a.signing(ctx, a.defaultStamp(), checkout)
	}
	if err != nil {
		return stamp, err
	}
	return a.signing(ctx, stamp, checkout)
}

// signing has commits signed with the key that the environment names, or as Git's
// configuration says.
func (a *app) signing(ctx context.Context, stamp bump.Stamp, checkout *git.Checkout) (bump.Stamp, error) {
	var signer *git.Signer
	var err error
	if key := a.host.Getenv("PAWL_SIGNING_KEY_FILE"); key != "" {
		if !filepath.IsAbs(key) {
			key = filepath.Join(a.workdir(), key)
		}
		if signer, err = git.SSHSigner(key); err != nil {
			return stamp, &usageError{err, "PAWL_SIGNING_KEY_FILE names the file of an SSH key"}
		}
	} else if signer, err = git.FindSigner(ctx, a.workdir(), checkout, stamp.Committer); err != nil {
		return stamp, err
	}
	if signer != nil {
		stamp.Sign = func(commit []byte) ([]byte, error) { return signer.Sign(ctx, commit) }
	}
	return stamp, nil
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
	switch outcome.Action {
	case bump.ActionWrite, bump.ActionCommit, bump.ActionPush, bump.ActionPull:
		changed = "true"
	}
	number := ""
	if outcome.Number > 0 {
		number = strconv.Itoa(outcome.Number)
	}
	return a.outputs("action", outcome.Action, "changed", changed, "commit", outcome.Commit, "branch", outcome.Branch,
		"pull-request", number, "url", outcome.URL)
}
