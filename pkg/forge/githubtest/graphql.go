package githubtest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// graphqlError is one entry of errors in a GraphQL answer. The status stays 200
// [docs: graphql/guides/forming-calls-with-graphql, rate limits and errors in 200].
type graphqlError struct {
	Type       string   `json:"type,omitempty"`
	Path       []string `json:"path,omitempty"`
	Extensions object   `json:"extensions,omitempty"`
	Locations  []object `json:"locations,omitempty"`
	Message    string   `json:"message"`
}

func (f field) problem(kind, message string) *graphqlError {
	return &graphqlError{
		Type: kind, Message: message, Path: []string{f.key()},
		Locations: []object{{"line": f.line, "column": f.column}},
	}
}

// undefined is GitHub's answer to a field that is not in its schema
// [refined-github#6946].
func (f field) undefined(parent, operation string) *graphqlError {
	return &graphqlError{
		Path:       []string{operation, f.name},
		Extensions: object{"code": "undefinedField", "typeName": parent, "fieldName": f.name},
		Locations:  []object{{"line": f.line, "column": f.column}},
		Message:    fmt.Sprintf("Field '%s' doesn't exist on type '%s'", f.name, parent),
	}
}

func graphqlFailure(data any, problem *graphqlError) *response {
	body := object{"errors": []*graphqlError{problem}}
	if data != nil {
		body["data"] = data
	}
	return ok(body)
}

// serveGraphQL answers viewer { login }, what a repository says of a branch (see
// repositoryRules) and the mutations updateRefs and
// createCommitOnBranch, and says of everything else that it is not modeled.
func serveGraphQL(ctx context.Context, q *request) (*response, error) {
	if q.http.Method != http.MethodPost {
		return nil, errNotFound()
	}
	if q.caller.account == nil {
		return nil, &Error{Status: 401, Message: "This endpoint requires you to be authenticated."}
	}
	var in struct {
		Query         string
		OperationName string
		Variables     map[string]any
	}
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	operations, err := parseGraphQL(in.Query)
	var syntax *syntaxError
	if errors.As(err, &syntax) {
		return graphqlFailure(nil, &graphqlError{
			Message: syntax.text, Locations: []object{{"line": syntax.line, "column": syntax.column}},
		}), nil
	}
	if err != nil {
		return graphqlFailure(nil, &graphqlError{Message: err.Error()}), nil
	}
	i := slices.IndexFunc(operations, func(op operation) bool { return in.OperationName == "" || op.name == in.OperationName })
	if i < 0 {
		return graphqlFailure(nil, &graphqlError{Message: fmt.Sprintf("No operation named %q", in.OperationName)}), nil
	}
	return q.execute(ctx, operations[i], in.Variables), nil
}

// execute runs an operation of one field.
func (q *request) execute(ctx context.Context, op operation, variables map[string]any) *response {
	if len(op.fields) != 1 {
		return unmodeled(op.fields[min(1, len(op.fields)):])
	}
	f := op.fields[0]
	switch {
	case op.kind == "query" && f.name == "viewer":
		return q.viewer(f)
	case op.kind == "query" && f.name == "repository":
		return q.repositoryRules(f, variables)
	case op.kind == "mutation" && f.name == "updateRefs" && q.server.opts.NoUpdateRefs:
		return graphqlFailure(nil, f.undefined("Mutation", op.kind))
	case op.kind == "mutation" && f.name == "updateRefs":
		return q.updateRefs(ctx, f, variables)
	case op.kind == "mutation" && f.name == "createCommitOnBranch" && q.server.opts.NoCreateCommit:
		return graphqlFailure(nil, f.undefined("Mutation", op.kind))
	case op.kind == "mutation" && f.name == "createCommitOnBranch":
		return q.createCommitOnBranch(ctx, f, variables)
	}
	return unmodeled(op.fields)
}

func unmodeled(fields []field) *response {
	name := "an empty selection"
	if len(fields) > 0 {
		name = fields[0].name
	}
	return graphqlFailure(nil, &graphqlError{
		Type:    "NOT_MODELED",
		Message: fmt.Sprintf("githubtest does not model %s in GraphQL: it knows query { viewer { login } }, the rules of a branch that REST leaves out, and the mutations updateRefs and createCommitOnBranch, one field in a request", name),
	})
}

func (q *request) viewer(f field) *response {
	user := object{}
	for _, inner := range f.fields {
		switch inner.name {
		case "login":
			user[inner.key()] = q.caller.account.login
		case "id":
			user[inner.key()] = nodeID("U", q.caller.account.id)
		case "__typename":
			user[inner.key()] = "User"
		default:
			return unmodeled(f.fields)
		}
	}
	return ok(object{"data": object{f.key(): user}})
}

// repositoryRules answers the two rules of a branch protection that REST does not
// show: repository(owner:, name:) with ref(qualifiedName:) { branchProtectionRule {
// requiresDeployments requiredDeploymentEnvironments } } and mergeQueue(branch:) { id }
// [schema.graphql]. To those who may not administer the repository, it shows no
// branch protection [unverified].
func (q *request) repositoryRules(f field, variables map[string]any) *response {
	text := func(of field, name string) string {
		value, _ := resolveVariables(of.arguments[name], variables).(string)
		return value
	}
	slug := text(f, "owner") + "/" + text(f, "name")
	r, _ := q.server.find(slug)
	if r == nil || !r.sees(q.caller) {
		return graphqlFailure(object{f.key(): nil}, f.problem("NOT_FOUND", fmt.Sprintf("Could not resolve to a Repository with the name '%s'.", slug)))
	}
	r.network.mu.Lock()
	defer r.network.mu.Unlock()
	answer := object{}
	for _, inner := range f.fields {
		switch inner.name {
		case "ref":
			branch := strings.TrimPrefix(text(inner, "qualifiedName"), "refs/heads/")
			answer[inner.key()] = nil
			if r.branch(branch) != "" {
				answer[inner.key()] = r.protectionRule(q.caller, branch, inner)
			}
		case "mergeQueue":
			answer[inner.key()] = nil
			for _, set := range r.rulesets {
				if set.holdsFor(text(inner, "branch")) && set.rules.lists("merge_queue") {
					answer[inner.key()] = object{"id": nodeID("MQ", set.id)}
				}
			}
		default:
			return unmodeled(f.fields)
		}
	}
	return ok(object{"data": object{f.key(): answer}})
}

// protectionRule is a ref with its branchProtectionRule.
func (r *repository) protectionRule(c caller, branch string, f field) object {
	ref := object{}
	for _, inner := range f.fields {
		ref[inner.key()] = nil
		for _, set := range r.rulesets {
			if !set.rules.Classic || !set.matches(branch) || r.may(c, access{"administration", "read", Admin}) != nil {
				continue
			}
			environments := []any{}
			if wanted, ok := set.rules.Listed["required_deployments"]["required_deployment_environments"].([]string); ok {
				for _, name := range wanted {
					environments = append(environments, name)
				}
			}
			ref[inner.key()] = object{"requiresDeployments": set.rules.lists("required_deployments"), "requiredDeploymentEnvironments": environments}
			break
		}
	}
	return ref
}

// refUpdate is the input RefUpdate [schema.graphql]. An oid of zeros means that
// the ref is not there, before or after.
type refUpdate struct {
	name, before, after string
	force               bool
}

// updateRefs is "creates, updates and/or deletes multiple refs in a repository";
// "this mutation takes a list of RefUpdates and performs these updates on the
// repository. All updates are performed atomically, meaning that if one of them is
// rejected, no other ref will be modified" [schema.graphql]. The caller gets
// nothing back but its clientMutationId.
func (q *request) updateRefs(ctx context.Context, f field, variables map[string]any) *response {
	input, _ := resolveVariables(f.arguments["input"], variables).(map[string]any)
	updates, problem := readUpdates(f, input)
	if problem != nil {
		return graphqlFailure(nil, problem)
	}
	empty := object{f.key(): nil}
	id, _ := input["repositoryId"].(string)
	r := q.server.byNodeID(id)
	missing := f.problem("NOT_FOUND", fmt.Sprintf("Could not resolve to a node with the global id of '%s'.", id))
	if r == nil {
		return graphqlFailure(empty, missing)
	}
	r.network.mu.Lock()
	defer r.network.mu.Unlock()
	r.settle(ctx)
	if err := r.may(q.caller, writes("contents")); err != nil {
		if !r.sees(q.caller) {
			return graphqlFailure(empty, missing)
		}
		return graphqlFailure(empty, f.problem("FORBIDDEN", messageOf(err)))
	}
	if err := r.updateAll(ctx, q.caller, updates); err != nil {
		return graphqlFailure(empty, f.problem("UNPROCESSABLE", messageOf(err)))
	}
	payload := object{}
	for _, inner := range f.fields {
		payload[inner.key()] = input["clientMutationId"]
	}
	return ok(object{"data": object{f.key(): payload}})
}

func messageOf(err error) string {
	var refusal *Error
	if errors.As(err, &refusal) {
		return refusal.Message
	}
	return err.Error()
}

// readUpdates checks the input against the schema.
func readUpdates(f field, input map[string]any) ([]refUpdate, *graphqlError) {
	wrong := func(text string) *graphqlError {
		return &graphqlError{
			Message:   "Variable $input of type UpdateRefsInput! was provided invalid value: " + text, // the words are unverified
			Locations: []object{{"line": f.line, "column": f.column}},
		}
	}
	for key := range input {
		if !slices.Contains([]string{"repositoryId", "refUpdates", "clientMutationId"}, key) {
			return nil, wrong(key + " (Field is not defined on UpdateRefsInput)")
		}
	}
	if _, ok := input["repositoryId"].(string); !ok {
		return nil, wrong("repositoryId (Expected value to not be null)")
	}
	list, ok := input["refUpdates"].([]any)
	if !ok {
		return nil, wrong("refUpdates (Expected value to not be null)")
	}
	var updates []refUpdate
	for i, item := range list {
		fields, _ := item.(map[string]any)
		u, bad := readUpdate(fields)
		if bad != "" {
			return nil, wrong(fmt.Sprintf("refUpdates.%d.%s", i, bad))
		}
		updates = append(updates, u)
	}
	return updates, nil
}

// readUpdate reads one RefUpdate, and says what is wrong with it.
func readUpdate(fields map[string]any) (refUpdate, string) {
	var u refUpdate
	for key, value := range fields {
		text, isText := value.(string)
		switch key {
		case "name":
			u.name = text
		case "afterOid":
			u.after = text
		case "beforeOid":
			if u.before = text; value != nil && !validSHA(text) {
				return u, "beforeOid (Could not coerce value to GitObjectID)"
			}
			isText = true
		case "force":
			u.force, isText = value.(bool)
			isText = isText || value == nil
		default:
			return u, key + " (Field is not defined on RefUpdate)"
		}
		if !isText {
			return u, key + " (Expected value to not be null)"
		}
	}
	switch {
	case !validRef(u.name):
		return u, "name (Could not coerce value to GitRefname)"
	case !validSHA(u.after):
		return u, "afterOid (Could not coerce value to GitObjectID)"
	}
	return u, ""
}

// updateAll moves all refs or none.
func (r *repository) updateAll(ctx context.Context, c caller, updates []refUpdate) error {
	before := map[string]string{}
	for _, u := range updates {
		if _, twice := before[u.name]; twice {
			return unprocessable("Reference " + u.name + " is updated more than once") // unverified
		}
		before[u.name] = or(r.ref(u.name), zeroSHA)
		if err := r.judgeUpdate(ctx, c, u, before[u.name]); err != nil {
			return err
		}
	}
	for i, u := range updates {
		if err := r.swap(ctx, u.name, u.after, before[u.name]); err != nil {
			for _, done := range slices.Backward(updates[:i]) {
				err = errors.Join(err, r.swap(ctx, done.name, before[done.name], done.after))
			}
			return err
		}
	}
	for _, u := range updates {
		if u.after == before[u.name] {
			continue
		}
		if err := r.noticed(ctx, c, move{ref: u.name, after: u.after, force: u.force}, before[u.name]); err != nil {
			return err
		}
	}
	return nil
}

func (r *repository) swap(ctx context.Context, name, after, before string) error {
	if after == before {
		return nil
	}
	return r.setRef(ctx, name, after)
}

// judgeUpdate is the compare-and-swap and the same judgment as for REST. The texts
// of these errors, and their type, are unverified: no public capture was found.
// That there is an error, and that nothing moved, is documented.
func (r *repository) judgeUpdate(ctx context.Context, c caller, u refUpdate, now string) error {
	switch {
	case u.before != "" && u.before != now && u.before == zeroSHA:
		return unprocessable(fmt.Sprintf("Reference %s already exists.", u.name))
	case u.before != "" && u.before != now:
		return unprocessable(fmt.Sprintf("Expected reference %s to point to %q but it did not.", u.name, u.before))
	case u.after == zeroSHA && now == zeroSHA:
		return unprocessable(fmt.Sprintf("Reference %s does not exist.", u.name))
	}
	return r.judge(ctx, c, move{ref: u.name, after: u.after, force: u.force}, now)
}

// byNodeID finds a repository by its global node ID.
func (s *Server) byNodeID(id string) *repository {
	if !strings.HasPrefix(id, "R_") {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.byID {
		if nodeID("R", r.id) == id {
			return r
		}
	}
	return nil
}
