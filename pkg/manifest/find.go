package manifest

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/getpawl/pawl/pkg/image"
)

// Find lists the image references of a file in the order in which they are
// written, and the fields that the caller names. The only error is a [*Problem]:
// the file cannot be read as YAML, or a field is malformed. A field that is not in
// the file is no error here.
func Find(file string, src []byte, fields ...Field) ([]Found, error) {
	s, err := read(file, src)
	if err != nil {
		return nil, err
	}
	f := newFinder(s)
	if err := f.search(fields, false); err != nil {
		return nil, err
	}
	found := make([]Found, 0, len(f.targets))
	for _, t := range f.targets {
		found = append(found, t.found)
	}
	return found, nil
}

// Mentions reports whether a file can hold an image of one of the settings. It
// looks for the last part of the name and parses nothing, so it is fast, and true
// does not mean that the image is there.
func Mentions(src []byte, settings []image.Setting) bool {
	for _, setting := range settings {
		if bytes.Contains(src, []byte(lastPart(setting))) {
			return true
		}
	}
	return false
}

// mentions is [Mentions] for a text.
func mentions(text string, settings []image.Setting) bool {
	return slices.ContainsFunc(settings, func(s image.Setting) bool { return strings.Contains(text, lastPart(s)) })
}

func lastPart(setting image.Setting) string {
	return setting.Match[strings.LastIndexByte(setting.Match, '/')+1:]
}

// A shape is one way to write an image reference in YAML. To teach pawl another
// one, write it in a file of its own and name it in [shapes].
type shape struct {
	// keys are the keys that the shape looks at, see [mapping.get].
	keys []string
	// find is called for every mapping of every document.
	find func(f *finder, m mapping)
	// comment, if there is one, is called for every scalar that has a comment behind
	// it, and for the mapping or sequence that it is in.
	comment func(f *finder, in mapping, p pair)
}

func shapes() []shape {
	return []shape{
		kustomizeShape(), fluxShape(), argoImagesShape(), argoParametersShape(), patchShape(), containerShape(), helmShape(),
		embedShape(), markerShape(),
	}
}

// known is [shapes] and all their keys, put together once: a finder is made for
// every file and every text in it.
//
//nolint:gochecknoglobals // it is the same for all, and nobody changes it
var known = sync.OnceValues(func() ([]shape, map[string]bool) {
	all, keys := shapes(), map[string]bool{}
	for _, shape := range all {
		for _, key := range shape.keys {
			keys[key] = true
		}
	}
	return all, keys
})

// target is one image reference and the way to change it.
type target struct {
	found  Found
	src    *source
	at     *place // what holds it
	holder holder
	// scalars spell the reference. They tell targets apart: the same scalars are the
	// same reference, found a second time through an alias.
	scalars scalars
	// refusal is why the reference cannot be changed, if it cannot.
	refusal string
	// bare is set for a name alone in a place that could hold a version.
	bare bool
	// value is a text to write that no setting brings, see [Field.Value].
	value string
}

type scalars struct {
	name, registry, tag, digest *yaml.Node
}

// version is the scalar that holds the version, or the name if there is none.
func (s scalars) version() *yaml.Node {
	for _, n := range []*yaml.Node{s.tag, s.digest} {
		if !isEmpty(n) {
			return n
		}
	}
	return s.name
}

// A holder knows which scalars spell a reference.
type holder interface {
	// assign says what to write where so that the reference reads next. It may name
	// scalars that have the text already.
	assign(next image.Reference) ([]assignment, error)
}

// assignment gives a key a text.
type assignment struct {
	pair pair
	text string
	// after is the key that a missing one is written after.
	after pair
	// keepKind writes a number in the place of a number, not a string of digits. A
	// version is always a string.
	keepKind bool
}

// pair is a key of a mapping and its value.
type pair struct {
	name  string
	key   *yaml.Node
	raw   *yaml.Node // the value as it is written, nil when there is no such key
	value *yaml.Node // the value with an alias followed, nil when there is no such key
	in    *yaml.Node // the mapping that has the key: a merged one, if it comes from there
	index int        // which item it is, when in is a sequence
}

// step is the last step of the path to the value.
func (p pair) step() string {
	if p.in.Kind == yaml.SequenceNode {
		return "[" + strconv.Itoa(p.index) + "]"
	}
	return formatKey(p.name)
}

// document is what the shapes may know about the whole document.
type document struct {
	src           *source
	index         int
	root          *yaml.Node
	kubernetes    bool // an object, or a patch for one
	kustomization bool
}

// mapping is a mapping of a document, as a shape sees it.
type mapping struct {
	node  *yaml.Node
	at    *place
	doc   *document
	pairs []pair
}

// get returns the value of a key that one of the shapes declared. A key that the
// mapping merges from another (<<) counts, as it does for all who read the file.
func (m mapping) get(name string) pair {
	for _, p := range m.pairs {
		if p.name == name {
			return p
		}
	}
	return pair{name: name, in: m.node}
}

// finder walks the documents of one source.
type finder struct {
	src       *source
	shapes    []shape
	keys      map[string]bool
	merged    map[*yaml.Node][]pair // what a mapping with an anchor holds
	followers map[*yaml.Node]int    // aliases of a node
	seen      map[scalars]bool
	targets   []*target
	missing   []Field                // fields that the source does not have
	opened    map[*yaml.Node]*source // texts that were read as YAML
	entered   map[*yaml.Node]bool    // those that were walked
	textCost  int
	// passOver says which texts cannot hold what is looked for; nil when all is.
	passOver func(text string) bool
	// unreadable are texts that hold YAML of which nothing is known.
	unreadable []unreadableText
	marks      []mark
	// candidates counts the texts that were read as a reference, whether they are one
	// or not, and long ones several times: reading takes more time than all else.
	candidates int
}

// full reports whether the source has more images than pawl reads.
func (f *finder) full() bool { return f.candidates > maxImages || len(f.targets) > maxImages }

// parse reads a reference.
func (f *finder) parse(text string) (image.Reference, bool) {
	f.candidates += 1 + len(text)/128
	if f.full() {
		return image.Reference{}, false
	}
	ref, err := image.Parse(text)
	return ref, err == nil
}

func newFinder(s *source) *finder {
	shapes, keys := known()
	return &finder{
		src:       s,
		shapes:    shapes,
		keys:      keys,
		merged:    map[*yaml.Node][]pair{},
		followers: map[*yaml.Node]int{},
		seen:      map[scalars]bool{},
		opened:    map[*yaml.Node]*source{},
		entered:   map[*yaml.Node]bool{},
	}
}

// search finds everything in the source. With create, fields that are missing are
// found in the place where they would be.
func (f *finder) search(fields []Field, create bool) error {
	s := f.src
	for i, doc := range s.docs {
		f.countAliases(doc)
		if len(doc.Content) == 0 {
			continue
		}
		root := doc.Content[0]
		d := &document{src: s, index: i, root: root, kubernetes: isKubernetes(root)}
		if root.Kind == yaml.MappingNode {
			d.kustomization = isKustomization(s.file, mapping{node: root, pairs: f.pairs(root)})
		}
		f.walk(d, &place{node: root, object: objectByName(s.file)})
	}
	f.findMarked()
	if err := f.findFields(fields, create); err != nil {
		return err
	}
	if f.full() {
		return s.unreadable(0, fmt.Sprintf("the file has more than the %d images that pawl reads", maxImages))
	}
	slices.SortStableFunc(f.targets, func(a, b *target) int {
		return cmp.Or(cmp.Compare(a.found.Line, b.found.Line), cmp.Compare(a.found.Column, b.found.Column))
	})
	return nil
}

func (f *finder) countAliases(n *yaml.Node) {
	if n.Kind == yaml.AliasNode {
		f.followers[n.Alias]++
	}
	for _, child := range n.Content {
		f.countAliases(child)
	}
}

// walk visits every mapping once. It does not go through aliases: what they point
// at is visited where it is written.
func (f *finder) walk(d *document, at *place) {
	if f.full() {
		return
	}
	n := at.node
	if n.Kind == yaml.SequenceNode {
		for i, item := range n.Content {
			if hasComment(item) {
				f.comment(mapping{node: n, at: at, doc: d}, pair{raw: item, value: item, in: n, index: i})
			}
			if len(item.Content) > 0 {
				f.walk(d, &place{parent: at, node: item, index: i, object: at.object})
			}
		}
		return
	}
	if n.Kind != yaml.MappingNode {
		return
	}
	m := mapping{node: n, at: at, doc: d, pairs: f.pairs(n)}
	if len(m.pairs) > 0 {
		m.nameObject()
		for _, shape := range f.shapes {
			if shape.find != nil {
				shape.find(f, m)
			}
		}
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i].Value, n.Content[i+1]
		if key == "status" && m.isObject() {
			continue // what a controller saw is not what somebody asked for
		}
		if hasComment(value) {
			f.comment(m, pair{name: key, key: n.Content[i], raw: value, value: value, in: n})
		}
		if len(value.Content) > 0 {
			f.walk(d, &place{parent: at, node: value, key: key, object: at.object})
		}
	}
}

func hasComment(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.LineComment != "" }

// comment shows a scalar with a comment to the shapes that look at comments.
func (f *finder) comment(in mapping, p pair) {
	for _, shape := range f.shapes {
		if shape.comment != nil {
			shape.comment(f, in, p)
		}
	}
}

// nameObject notes which Kubernetes object the mapping is, if it is one. What is in
// it knows that too.
func (m mapping) nameObject() {
	apiVersion, kind := scalarText(m.get("apiVersion").value), scalarText(m.get("kind").value)
	if apiVersion != "" && kind != "" {
		m.at.object = apiVersion + "/" + kind
	}
}

// pairs returns the pairs of a mapping whose keys the shapes look at, its own and
// the merged ones (https://yaml.org/type/merge.html). The last of two equal keys
// counts; [finder.duplicate] refuses to change them.
func (f *finder) pairs(n *yaml.Node) []pair {
	if known, ok := f.merged[n]; ok {
		return known
	}
	if n.Anchor != "" {
		f.merged[n] = nil // an anchor can be merged into itself
	}
	var own []pair
	var merges []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		switch {
		case key.Kind != yaml.ScalarNode:
		case key.ShortTag() == yaml.MergeTag:
			merges = append(merges, value)
		case f.keys[key.Value]:
			if own == nil {
				own = make([]pair, 0, min(len(n.Content)/2, 4))
			}
			own = replacePair(own, pair{name: key.Value, key: key, raw: value, value: follow(value), in: n})
		}
	}
	for _, merge := range merges {
		own = f.inherit(own, merge)
	}
	if n.Anchor != "" {
		f.merged[n] = own
	}
	return own
}

func replacePair(pairs []pair, p pair) []pair {
	for i := range pairs {
		if pairs[i].name == p.name {
			pairs[i] = p
			return pairs
		}
	}
	return append(pairs, p)
}

// inherit adds what a merge brings and the mapping does not have.
func (f *finder) inherit(own []pair, merge *yaml.Node) []pair {
	sources := []*yaml.Node{merge}
	if merge.Kind == yaml.SequenceNode {
		sources = merge.Content
	}
	for _, source := range sources {
		source = follow(source)
		if source.Kind != yaml.MappingNode {
			continue
		}
		for _, p := range f.pairs(source) {
			if (mapping{pairs: own}).get(p.name).value == nil {
				own = append(own, p)
			}
		}
	}
	return own
}

// follow returns what an alias stands for.
func follow(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// add keeps a target, completed with its place in the file. A reference that was
// found before is left out.
func (f *finder) add(m mapping, t target) {
	if f.seen[t.scalars] || f.full() {
		return
	}
	f.seen[t.scalars] = t.scalars != scalars{} // without a scalar it is a key to be created
	t.at, t.src = m.at, m.doc.src
	t.found.File = f.src.file
	t.found.Document = m.doc.index
	t.found.Line, t.found.Column = f.mark(t)
	t.found.Alias = f.countFollowers(t)
	f.targets = append(f.targets, &t)
}

// mark says where the version of a target is written, or its name.
func (f *finder) mark(t target) (line, column int) {
	n := t.scalars.version()
	if n == nil {
		return t.src.where(t.at.node)
	}
	at, err := t.src.locate(n)
	if err != nil {
		return t.src.where(n)
	}
	off := at.start
	if version := t.found.Image.Version(); n == t.scalars.name && version != "" && strings.HasSuffix(n.Value, version) {
		off = at.end - len(version)
	}
	return t.src.position(off)
}

// countFollowers counts the aliases of the scalar that holds the version and of
// all that it is in.
func (f *finder) countFollowers(t target) int {
	count := f.followers[t.scalars.version()]
	for at := t.at; at != nil; at = at.parent {
		count += f.followers[at.node]
	}
	return count
}
