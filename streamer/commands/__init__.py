"""One file a command of `limelight`: its arguments, and carrying it out with the stages and doors of live sound."""
