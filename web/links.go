package web

import (
	"io/fs"
	"path"
	"strings"
)

// maxLinks is how many symbolic links are followed for one name.
const maxLinks = 40

// follow returns the name without symbolic links. A link that leads out of the files, or to a
// name that is not served, is [fs.ErrNotExist].
func follow(files fs.ReadLinkFS, name string) (string, error) {
	done, rest := ".", name
	for links := 0; rest != ""; {
		var part string
		part, rest, _ = strings.Cut(rest, "/")
		at := path.Join(done, part)
		info, err := files.Lstat(at)
		if err != nil {
			return "", err
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			done = at
			continue
		}
		target, err := files.ReadLink(at)
		if err != nil {
			return "", err
		}
		to := path.Join(path.Dir(at), target)
		if links++; links > maxLinks || path.IsAbs(target) || !servable(to) {
			return "", fs.ErrNotExist
		}
		done, rest = ".", strings.TrimSuffix(path.Join(to, rest), "/")
	}
	return done, nil
}
