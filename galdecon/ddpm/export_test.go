package ddpm

// SharesExecutables tells whether both draw with the same executables, so that neither compiles what the other has compiled.
func (p *Posterior) SharesExecutables(other *Posterior) bool {
	return p.start == other.start && p.loop == other.loop && p.path == other.path && p.finish == other.finish && p.restore == other.restore
}
