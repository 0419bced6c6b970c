package change

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/weft-go/weft/bench/models"
	"github.com/weft-go/weft/bench/result"
	"github.com/weft-go/weft/bench/summary"
)

// Differences are what else differs between two runs, and may be the reason of a
// change.
func Differences(before, after result.Run) (all []string) {
	note := func(what, was, now string) {
		if was != now {
			all = append(all, fmt.Sprintf("%s: %s, and now %s", what, was, now))
		}
	}
	was, now := before.Host, after.Host
	note("the processors", fmt.Sprintf("%d of %s", was.CPUs, was.CPU), fmt.Sprintf("%d of %s", now.CPUs, now.CPU))
	note("the system", was.OS+"/"+was.Arch, now.OS+"/"+now.Arch)
	note("the kernel", was.Kernel, now.Kernel)
	note("Go", was.Go, now.Go)
	note("huge pages", was.HugePages, now.HugePages)
	note("the layout", fmt.Sprint(before.Plan), fmt.Sprint(after.Plan))
	note("the profile", before.Profile, after.Profile)
	note("the revision", revision(before), revision(after))
	each := func(prefix string, was, now map[string]string) {
		for _, name := range slices.Sorted(maps.Keys(was)) {
			note(prefix+name, was[name], known(now, name))
		}
		for _, name := range slices.Sorted(maps.Keys(now)) {
			if _, both := was[name]; !both {
				note(prefix+name, unset, now[name])
			}
		}
	}
	each("", before.Sysctls, after.Sysctls)
	each("environment ", before.Environment, after.Environment)
	each("setting ", before.Settings, after.Settings)
	for _, b := range before.Backends {
		for _, a := range after.Backends {
			if a.Name == b.Name { // one that a run has not is told by Alone
				note("version of "+a.Name, version(before, b), version(after, a))
			}
		}
	}
	slices.Sort(all)
	return all
}

func revision(r result.Run) string {
	if r.Modified {
		return r.Revision + " (modified)"
	}
	return r.Revision
}

// version is a backend's, but for the revision, which is told by itself.
func version(r result.Run, b result.Backend) string {
	return strings.TrimPrefix(b.Version, r.Revision+", ")
}

// unset stands for what a run has not.
const unset = "not set"

func known(of map[string]string, name string) string {
	if v, ok := of[name]; ok {
		return v
	}
	return unset
}

// Alone says in a line what the first file has and the second has not: how many of
// its rows, which are a backend at a point, and the first of them. It is empty if there
// is nothing.
func Alone(file, other result.File) string {
	has, all, alone, first := placesOf(other), 0, 0, ""
	for _, p := range summary.Of(file).Points {
		for _, row := range p.Rows {
			if row.Samples == 0 {
				continue
			}
			all++
			if has[place{p.Key(), row.Backend}] != nil {
				continue
			}
			if alone++; first == "" {
				first = row.Backend + " at " + p.Key()
			}
		}
	}
	if alone == 0 {
		return ""
	}
	return fmt.Sprintf("%d of %d rows, the first is %s", alone, all, first)
}

// Unfinished says how a run ended that did not take all its samples; it is empty for
// the others.
func Unfinished(f result.File) string {
	taken := models.TakenOf(f)
	switch {
	case f.End == nil:
		return "killed after " + taken
	case f.End.Interrupted:
		return "interrupted after " + taken
	}
	return f.End.Cut
}
