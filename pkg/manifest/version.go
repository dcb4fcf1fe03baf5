package manifest

import (
	"fmt"

	"github.com/getpawl/pawl/pkg/image"
)

// next says how a reference should read after a setting, or why it cannot be set.
func next(current image.Reference, setting image.Setting, policy DigestPolicy) (image.Reference, error) {
	want := setting.New
	if !setting.Renames() {
		want.Name = current.Name // the spelling of the file stays
	}
	if want.Digest != "" || current.Digest == "" {
		return want, nil
	}
	if want.Tag == current.Tag && want.Name == current.Name && policy != Drop {
		return current, nil // the tag is there, and nothing says that its digest is stale
	}
	switch policy {
	case Drop:
		return want, nil
	case Keep:
		want.Digest = current.Digest
		return want, nil
	}
	return image.Reference{}, fmt.Errorf("%s is pinned to %s, which would win over the tag %s: give the new digest (%s@sha256:…), or say --digest-policy drop or keep",
		quote(current.Name), quote(current.Digest), want.Tag, setting.New)
}
