package cvae

// SharesExecutable tells whether both draw with the same executable, so that neither compiles what the other has compiled.
func (p *Posterior) SharesExecutable(other *Posterior) bool { return p.draw == other.draw }
