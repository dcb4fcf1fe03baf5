package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"

	"github.com/getpawl/pawl/pkg/bump"
	"github.com/getpawl/pawl/pkg/config"
	"github.com/getpawl/pawl/pkg/git"
	"github.com/getpawl/pawl/pkg/image"
)

// withList adds the images of --from-file to those of the command line.
func (a *app) withList(ctx context.Context, flags bumpFlags, args []string) ([]string, error) {
	if flags.list == "" {
		return args, nil
	}
	name, src, err := a.readList(ctx, flags.list)
	if ctx.Err() != nil {
		return nil, fmt.Errorf("reading the list of images: %w", ctx.Err())
	}
	if err != nil {
		return nil, usagef("", "reading the list of images: %v", err)
	}
	list, err := config.ParseList(name, src)
	if err != nil {
		return nil, err
	}
	var problems []error
	for _, each := range list {
		if _, err := image.ParseSetting(flags.version(each.Text)); err != nil {
			problems = append(problems, &config.Problem{File: name, Line: each.Line, Column: each.Column, Reason: err.Error()})
		}
		args = append(args, each.Text)
	}
	return args, errors.Join(problems...)
}

func (a *app) readList(ctx context.Context, name string) (shown string, src []byte, err error) {
	if name == "-" {
		src, err = patiently(ctx, func() ([]byte, error) { return io.ReadAll(io.LimitReader(a.host.In, maxInput)) })
		return "standard input", src, err
	}
	path := name
	if !filepath.IsAbs(path) {
		path = filepath.Join(a.workdir(), path)
	}
	src, err = patiently(ctx, func() ([]byte, error) { return readSome(path) })
	return name, src, err
}

// patiently reads what may stay silent for ever, such as a pipe: the context ends the
// wait, and the process the reading.
func patiently(ctx context.Context, read func() ([]byte, error)) ([]byte, error) {
	type input struct {
		src []byte
		err error
	}
	done := make(chan input, 1)
	go func() {
		src, err := read()
		done <- input{src, err}
	}()
	select {
	case got := <-done:
		return got.src, got.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// land sets versions on a branch of the repository on the server.
func (a *app) land(ctx context.Context, flags bumpFlags, request bump.Request) (*bump.Outcome, error) {
	l, remote, err := a.onServer(ctx, flags)
	if err != nil {
		return nil, err
	}
	request.Job = a.job(flags, l.slug(), flags.what(request))
	target := a.target(flags, request, remote, l)
	if flags.remote == "" {
		if target.Forge, err = a.client(l, false); err != nil {
			return nil, err
		}
	}
	plan, err := planLanding(ctx, flags, target)
	if err != nil {
		return nil, bump.Explain(err)
	}
	if flags.dryRun {
		return plan.Outcome(), nil
	}
	stamp, err := a.stamp(ctx, flags.author, l.checkout)
	if err != nil {
		return nil, err
	}
	pause := bump.Pause{Sleep: a.host.Sleep, Random: rand.Float64}
	if flags.pr {
		outcome, err := plan.Propose(ctx, stamp, pause)
		return outcome, bump.Explain(err)
	}
	outcome, err := plan.Apply(ctx, stamp, pause)
	if err != nil {
		return nil, bump.Explain(err)
	}
	plan.Follow(ctx, l.checkout, outcome)
	return outcome, nil
}

func planLanding(ctx context.Context, flags bumpFlags, target bump.Target) (*bump.PushPlan, error) {
	if !flags.pr {
		return bump.PlanPush(ctx, target)
	}
	return bump.PlanPull(ctx, target, bump.Review{Forge: target.Forge, Draft: flags.draft, Labels: flags.labels, Reviewers: flags.reviewers})
}

// onServer connects to the repository that the flags name.
func (a *app) onServer(ctx context.Context, flags bumpFlags) (location, *git.Remote, error) {
	if flags.remote != "" {
		return a.plainRemote(ctx, flags.remote)
	}
	l, err := a.locate(ctx, flags.repo)
	if err != nil {
		return l, nil, err
	}
	if (l.anonymous() || flags.via == "api" && !l.canCallAPI()) && !flags.dryRun {
		return l, nil, errNoToken{}
	}
	remote, err := a.remote(l)
	return l, remote, err
}

// plainRemote connects to any Git server.
func (a *app) plainRemote(ctx context.Context, address string) (location, *git.Remote, error) {
	checkout, err := a.checkoutBeside(ctx, address)
	if err != nil {
		return location{}, nil, err
	}
	auth, err := a.gitAuth(ctx, address, checkout)
	if err != nil {
		return location{}, nil, err
	}
	ssh := a.host.Getenv("GIT_SSH_COMMAND")
	if ssh == "" && !isHTTP(address) {
		if ssh, err = git.ConfiguredSSHCommand(ctx, a.workdir(), checkout); err != nil {
			return location{}, nil, err
		}
	}
	remote, err := git.NewRemote(git.Options{
		URL: address, Auth: auth, SSHCommand: ssh,
		UserAgent: userAgent(), Trace: a.trace, Sleep: a.host.Sleep,
	})
	if err != nil {
		return location{}, nil, &usageError{err, ""}
	}
	return location{}, remote, nil
}

// target says where to land, and how to find out what is to be done there.
func (a *app) target(flags bumpFlags, request bump.Request, remote *git.Remote, l location) bump.Target {
	target := bump.Target{Remote: remote, Checkout: l.checkout, Branch: flags.branch, Given: flags.branch != "", Config: l.config, ViaAPI: flags.via == "api", ReadOnly: flags.dryRun}
	if target.Branch == "" && config.CheckBranch(flags.env) == nil {
		target.Branch = flags.env // as a rule the branch has the environment's name
	}
	target.Choose = func(cfg *config.Config) (config.Environment, bump.Request, error) {
		env, err := flags.environment(cfg)
		if err != nil {
			return env, request, err
		}
		narrowed := request
		place, err := place{config: cfg}.environment(env.Name)
		if err == nil && len(flags.files) > 0 {
			place, err = a.namedThere(place, flags, l.checkout)
		}
		place.fill(&narrowed)
		if flags.branch != "" && flags.branch != env.Branch {
			env.Name = ""
		}
		return env, narrowed, err
	}
	return target
}

// namedThere narrows the place to the files that are named: from the working
// directory in a checkout of the repository, else, and with --repo, from its top.
func (a *app) namedThere(p place, flags bumpFlags, checkout *git.Checkout) (place, error) {
	p, err := p.named(flags.files)
	if err != nil || checkout == nil || flags.repo != "" {
		return p, err
	}
	p.checkout, p.env = checkout, config.Environment{}
	return p.fromTop(a.workdir())
}

// environment picks the environment that a bump may land in.
func (f bumpFlags) environment(cfg *config.Config) (config.Environment, error) {
	if f.branch == "" {
		return firstOnly(cfg, f.env)
	}
	if env, ok := cfg.ByBranch(f.branch); ok {
		return firstOnly(cfg, env.Name)
	}
	// A branch of no environment has its files where the first one has them.
	env := cfg.Environments[0]
	return env, nil
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
		Fix:    fmt.Sprintf("pawl bump IMAGE --env %s --push, then: pawl promote %s", first.Name, name),
	}
}
