package git

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/go-git/go-git/v5/plumbing/format/pktline"
)

// shell is a repository that is reached by running the ssh program, as Git does:
// keys, agent, known hosts and ~/.ssh/config are that program's business.
type shell struct {
	command string // run by a shell, with the arguments added; empty: ssh
	host    string // with the user, if there is one
	port    string
	path    string
}

// ConfiguredSSHCommand returns core.sshCommand of Git's configuration, in the checkout or,
// when that is nil, in the folder; empty when it is not set. Environment variables
// that Git prefers to it are the caller's business.
// https://git-scm.com/docs/git-config#Documentation/git-config.txt-coresshCommand
func ConfiguredSSHCommand(ctx context.Context, dir string, checkout *Checkout) (string, error) {
	git, err := findProgram(dir)
	if errors.Is(err, ErrNoGit) {
		return "", nil
	}
	if checkout != nil {
		git, err = checkout.git, nil
	}
	if err != nil {
		return "", err
	}
	return git.setting(ctx, "", "core.sshCommand")
}

// parseShell reads ssh://user@host:port/path and user@host:path. It is nil when
// the URL is neither. https://git-scm.com/docs/git-clone#_git_urls
func parseShell(raw string) (*shell, error) {
	s := &shell{}
	if !strings.Contains(raw, "://") {
		host, path, ok := strings.Cut(raw, ":")
		if !ok || strings.Contains(host, "/") || strings.HasPrefix(path, ":") {
			return nil, nil
		}
		if strings.Contains(path, "@") && !strings.Contains(host, "@") { // user:token@host:path
			return nil, errors.New("the repository's URL holds what looks like a credential")
		}
		s.host, s.path = host, path
		return s, s.check()
	}
	scheme, _, _ := strings.Cut(raw, "://")
	if scheme != "ssh" && scheme != "git+ssh" && scheme != "ssh+git" {
		return nil, nil
	}
	parsed, err := url.Parse(raw)
	if err != nil {
		return nil, errors.New("the repository's URL cannot be read")
	}
	if _, ok := parsed.User.Password(); ok {
		return nil, errors.New("the repository's URL holds a password: ssh takes none from there")
	}
	if parsed.RawQuery != "" || parsed.Fragment != "" {
		return nil, fmt.Errorf("the URL of %q must end with the repository's path", parsed.Host)
	}
	s.host, s.port, s.path = parsed.Hostname(), parsed.Port(), parsed.Path
	if user := parsed.User.Username(); user != "" {
		s.host = user + "@" + s.host
	}
	if strings.HasPrefix(s.path, "/~") {
		s.path = s.path[1:]
	}
	return s, s.check()
}

// check refuses what ssh could take for an option, and what no host, user or path
// is. For Git's own checks see connect.c, "strange hostname".
func (s *shell) check() error {
	user, host, ok := strings.Cut(s.host, "@")
	if !ok {
		user, host = "git", s.host
	}
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	switch {
	case host == "" || strings.HasPrefix(host, "-") || strings.Trim(host, letters+"._-:%") != "":
		return errors.New("the repository's URL has no host name that ssh can be given")
	case user == "" || strings.HasPrefix(user, "-") || strings.Trim(user, letters+"._-+") != "":
		return errors.New("the repository's URL has no user name that ssh can be given")
	case strings.Trim(s.path, "/") == "" || strings.HasPrefix(s.path, "-") || !plain(s.path):
		return errors.New("the repository's URL has no path that ssh can be given")
	}
	return nil
}

// arguments are the program and its arguments for a service.
func (s *shell) arguments(service string) []string {
	args := []string{"ssh"}
	if s.command != "" {
		args = []string{"sh", "-c", s.command + ` "$@"`, s.command}
	}
	args = append(args, "-o", "BatchMode=yes") // nobody is there to answer a question
	if s.port != "" {
		args = append(args, "-p", s.port)
	}
	return append(args, "--", s.host, service+" "+quote(s.path))
}

// quote makes a path one word of the other side's shell, in Git's own way: servers
// without a shell know no other.
func quote(path string) string {
	return "'" + strings.NewReplacer("'", `'\''`, "!", `'\!'`).Replace(path) + "'"
}

// session is one run of ssh, and with it of the service at the other side.
type session struct {
	*answer // what the service sends
	lines   *pktline.Scanner
	in      io.WriteCloser
	process *process
}

// dial starts a session. It ends with its context.
func (r *Remote) dial(ctx context.Context, service string) (*session, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	args := r.shell.arguments(service)
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = scrub(cmd.Environ(), false)
	cmd.WaitDelay = 5 * time.Second
	killGroup(cmd)
	p := &process{cmd: cmd, said: &gathered{}}
	cmd.Stderr = p.said
	in, err := cmd.StdinPipe()
	if err == nil {
		p.out, err = cmd.StdoutPipe()
	}
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		cancel(nil)
		if errors.Is(err, exec.ErrNotFound) {
			return nil, errors.New("the ssh program was not found: install OpenSSH, or use the https URL")
		}
		return nil, fmt.Errorf("running ssh: %w", err)
	}
	r.trace("ssh %s %s", r.shell.host, service)
	s := &session{in: in, process: p}
	p.stop = func() { in.Close(); cancel(nil) }
	s.answer = &answer{
		body: p, stall: r.stall, left: r.limits.Bytes, cancel: cancel,
		watch: time.AfterFunc(r.stall, func() { cancel(errStalled) }),
		cause: func() error { return context.Cause(ctx) },
	}
	s.lines = pktline.NewScanner(bufio.NewReader(s.answer))
	return s, nil
}

// process is the running program, read from its standard output.
type process struct {
	cmd   *exec.Cmd
	out   io.Reader
	said  *gathered
	stop  func()
	ended bool // the program closed its output: it is about to exit by itself
	once  sync.Once
	err   error
}

func (p *process) Read(b []byte) (int, error) {
	n, err := p.out.Read(b)
	p.ended = p.ended || errors.Is(err, io.EOF)
	return n, err
}

// Close ends the program, and waits for it.
func (p *process) Close() error {
	p.once.Do(func() {
		if !p.ended {
			p.stop()
		}
		late := time.AfterFunc(p.cmd.WaitDelay, p.stop)
		defer late.Stop()
		p.err = p.cmd.Wait()
		p.stop()
	})
	return nil
}

// lookShell asks a service over ssh what it shows. The session of upload-pack is
// left open: the request can follow.
func (r *Remote) lookShell(ctx context.Context, service, only string) (*advertisement, error) {
	s, err := r.dial(ctx, service)
	if err != nil {
		return nil, err
	}
	found, err := readAdvertisement(s.lines, only, r.limits.Objects)
	if err != nil {
		return nil, r.shellError(ctx, s, err)
	}
	found.session = s
	return found, nil
}

// hangUp ends a session that was not used: with nothing to ask for, politely.
func (r *Remote) hangUp(server *advertisement) {
	if s := r.takeSession(server); s != nil {
		_, _ = io.WriteString(s.in, "0000")
		_ = s.in.Close()
		_, _ = io.Copy(io.Discard, io.LimitReader(s.answer, maxText))
		s.Close()
	}
}

func (r *Remote) takeSession(server *advertisement) *session {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := server.session
	server.session = nil
	return s
}

// exchangeShell sends a request in a session that waits for one, else in a new
// one. The caller closes the answer.
func (r *Remote) exchangeShell(ctx context.Context, server *advertisement, service string, body []byte) (io.ReadCloser, error) {
	s := r.takeSession(server)
	if s == nil {
		again, err := r.lookShell(ctx, service, "HEAD")
		if err != nil {
			return nil, err
		}
		s = again.session
	}
	// The other side reads the request to its end before it answers at length.
	if _, err := s.in.Write(body); err != nil {
		return nil, r.shellError(ctx, s, err)
	}
	if err := s.in.Close(); err != nil {
		return nil, r.shellError(ctx, s, err)
	}
	return s, nil
}

// shellError tells a refusal from what may pass another time, and ends the
// session. OpenSSH exits with 255 for its own errors: https://man.openbsd.org/ssh#EXIT_STATUS
func (r *Remote) shellError(ctx context.Context, s *session, err error) error {
	var line *pktline.ErrorLine
	var format *formatError
	broken := s.answer.err
	s.Close()
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if errors.As(err, &line) || errors.As(err, &format) || errors.Is(err, errTooLarge) || broken != nil {
		return r.advertisementError(ctx, s.answer, err)
	}
	said := r.clean(string(s.process.said.text))
	denied := strings.Contains(said, "Permission denied") || strings.Contains(said, "Host key verification failed")
	switch code := exitCode(s.process.err); {
	case code == 255 && !denied:
		return fmt.Errorf("%w: ssh: %s", ErrTransient, said)
	case code == 255, code > 0 && code <= 128: // between them, a signal ended it
		return fmt.Errorf("%w: ssh: %s", ErrAccess, said)
	}
	return fmt.Errorf("%w: its answer is cut short or malformed: %s", ErrTransient, r.clean(err.Error()+" "+said))
}
