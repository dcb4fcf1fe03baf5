package githubtest_test

import (
	"strings"
	"testing"

	"github.com/getpawl/pawl/pkg/forge/githubtest"
)

func TestUpdateRefs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{})
	second := w.commit("dev", "second", map[string]string{"x": "1"})
	w.do(w.repo.Branch(t.Context(), "side", w.first))
	side := w.commit("side", "side", map[string]string{"y": "1"})
	ref := func(name, before, after string, force bool) object {
		update := object{"name": "refs/heads/" + name, "afterOid": after, "force": force}
		if before != "" {
			update["beforeOid"] = before
		}
		return update
	}
	const zero = noSHA
	for _, test := range []struct {
		name    string
		updates []object
		refused string
		heads   map[string]string
	}{
		{"forward", []object{ref("staging", w.first, second, false)}, "", map[string]string{"staging": second}},
		{"again", []object{ref("staging", w.first, second, false)}, "point to", map[string]string{"staging": second}},
		{"already there", []object{ref("staging", second, second, false)}, "", map[string]string{"staging": second}},
		{"not a fast-forward", []object{ref("staging", second, w.first, false)}, "Update is not a fast forward", map[string]string{"staging": second}},
		{"forced", []object{ref("staging", second, w.first, true)}, "", map[string]string{"staging": w.first}},
		{"without an old value", []object{ref("staging", "", second, false)}, "", map[string]string{"staging": second}},
		{"create", []object{ref("new", zero, second, false)}, "", map[string]string{"new": second}},
		{"create again", []object{ref("new", zero, second, false)}, "already exists", map[string]string{"new": second}},
		{"delete another value", []object{ref("new", w.first, zero, false)}, "point to", map[string]string{"new": second}},
		{"delete", []object{ref("new", second, zero, false)}, "", map[string]string{"new": ""}},
		{"delete again", []object{ref("new", "", zero, false)}, "does not exist", nil},
		{"unknown object", []object{ref("new", zero, unknown, false)}, "Object does not exist", map[string]string{"new": ""}},
		{"all or nothing", []object{ref("production", w.first, second, false), ref("staging", second, side, false)}, "not a fast forward", map[string]string{"production": w.first, "staging": second}},
		{"all", []object{ref("production", w.first, second, false), ref("pin", zero, second, false)}, "", map[string]string{"production": second, "pin": second}},
		{"twice the same", []object{ref("a", zero, second, false), ref("a", zero, second, false)}, "more than once", map[string]string{"a": ""}},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := len(w.server.Log())
			got := w.updateRefs(test.updates...)
			got.want(t, 200, "", nil)
			message, _ := got.get(t, "errors.0.message").(string)
			if (message != "") != (test.refused != "") || !strings.Contains(message, test.refused) {
				t.Errorf("the error is %q, want %q", message, test.refused)
			}
			if test.refused != "" && (got.get(t, "data.updateRefs") != nil || len(w.server.Log()) != before) {
				t.Errorf("%s", got.body)
			}
			for branch, want := range test.heads {
				if head := w.repo.Head(branch); head != want {
					t.Errorf("%s is at %q, want %q", branch, head, want)
				}
			}
		})
	}
	log := w.server.Log()
	if last := log[len(log)-1]; last.Via != githubtest.ViaGraphQL || last.Actor != "bob" {
		t.Errorf("the log says %+v", last)
	}
}

func TestUpdateRefsMergesPullRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{})
	pr := w.open("topic", "staging")
	w.updateRefs(object{"name": "refs/heads/staging", "beforeOid": w.first, "afterOid": pr.HeadSHA}).want(t, 200, "errors", nil)
	if !w.pull(1).Merged {
		t.Error("not merged")
	}
}

func TestGraphQL(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{})
	w.tokens["actions"] = w.repo.ActionsToken(githubtest.Permissions{"contents": "read"})
	ask := func(login, query string) answer {
		return w.call(login, "POST", w.server.GraphQLURL(), object{"query": query})
	}
	inline := `mutation Move { moved: updateRefs(input: {clientMutationId: "7", repositoryId: "` + w.repo.NodeID() + `",
		refUpdates: [{name: "refs/heads/staging", beforeOid: "` + w.first + `", afterOid: "` + w.first + `", force: false}]})
		{ clientMutationId } } # the end`
	for _, test := range []struct {
		name, login, query string
		status             int
		path               string
		want               any
	}{
		{"viewer", "bob", `query { viewer { login } }`, 200, "data.viewer.login", "bob"},
		{"viewer by alias", "bob", `{ me: viewer { name: login } }`, 200, "data.me.name", "bob"},
		{"inline", "bob", inline, 200, "data.moved.clientMutationId", "7"},
		{"reader", "rita", inline, 200, "errors.0.type", "FORBIDDEN"},
		{"stranger", "eve", inline, 200, "errors.0.type", "NOT_FOUND"},
		{"actions", "actions", inline, 200, "errors.0.message", "Resource not accessible by integration"},
		{"nobody", "", `{viewer{login}}`, 401, "message", "This endpoint requires you to be authenticated."},
		{"other query", "bob", `{ repository(owner: "acme", name: "config") { id } }`, 200, "errors.0.type", "NOT_MODELED"},
		{"other mutation", "bob", `mutation { createRef(input: {}) { ref { id } } }`, 200, "errors.0.type", "NOT_MODELED"},
		{"other field", "bob", `{ viewer { bio } }`, 200, "errors.0.type", "NOT_MODELED"},
		{"nothing", "bob", ``, 200, "errors.0.message", "Unexpected end of document"},
		{"nonsense", "bob", `{ viewer { login }`, 200, "errors.0.message", "Unexpected end of document"},
		{"bad token", "bob", "{ viewer { log'in } }", 200, "errors.0.locations.0.column", 15.0},
		{"no repository", "bob", `mutation { updateRefs(input: {repositoryId: "R_x", refUpdates: []}) { clientMutationId } }`, 200, "errors.0.type", "NOT_FOUND"},
		{"a field too many", "bob", `mutation { updateRefs(input: {repositoryId: "R_x", refUpdates: [], extra: 1}) { clientMutationId } }`, 200, "data", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			ask(test.login, test.query).want(t, test.status, test.path, test.want)
		})
	}
	for name, update := range map[string]object{
		"short name":   {"name": "staging", "afterOid": w.first},
		"no new value": {"name": "refs/heads/staging"},
		"short oid":    {"name": "refs/heads/staging", "afterOid": w.first[:7]},
		"bad old oid":  {"name": "refs/heads/staging", "afterOid": w.first, "beforeOid": "x"},
		"unknown key":  {"name": "refs/heads/staging", "afterOid": w.first, "sha": "x"},
		"force a word": {"name": "refs/heads/staging", "afterOid": w.first, "force": "yes"},
	} {
		got := w.updateRefs(update)
		if message, _ := got.get(t, "errors.0.message").(string); !strings.Contains(message, "was provided invalid value") {
			t.Errorf("%s: %s", name, got.body)
		}
	}
	w.call("bob", "GET", w.server.GraphQLURL(), nil).want(t, 404, "", nil)
}

func TestNoUpdateRefs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{NoUpdateRefs: true})
	got := w.updateRefs(object{"name": "refs/heads/staging", "afterOid": w.first})
	got.want(t, 200, "errors.0.message", "Field 'updateRefs' doesn't exist on type 'Mutation'")
	got.want(t, 200, "errors.0.extensions.code", "undefinedField")
}
