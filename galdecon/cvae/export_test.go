package cvae

// SharesExecutable tells whether both draw with the same executable, so that neither compiles what
// the other has compiled.
func (p *Generator) SharesExecutable(other *Generator) bool { return p.draw == other.draw }
