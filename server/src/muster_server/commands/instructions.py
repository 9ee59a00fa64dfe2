"""What agents are told over the command stream."""

from muster_protos.v1.commands_pb2 import Instruction, RunProgram, StopCommand, StopRun
from muster_shared_models.commands import CommandView

__all__ = ["run_program", "stop_command", "stop_run"]


def run_program(view: CommandView) -> Instruction:
    """Run a command."""
    instruction = Instruction()
    instruction.run_program.CopyFrom(
        RunProgram(
            command_id=view.id,
            argv=view.argv,
            shell=view.shell,
            timeout_s=view.timeout_s,
            expires_at_ms=int(view.expires_at.timestamp() * 1000),
            by=view.by,
        )
    )
    return instruction


def stop_command(command_id: str, grace_ms: int) -> Instruction:
    """Ask a command's program to end, and kill it after the grace."""
    instruction = Instruction()
    instruction.stop_command.CopyFrom(StopCommand(command_id=command_id, grace_ms=grace_ms))
    return instruction


def stop_run(run_id: str) -> Instruction:
    """Stop a run."""
    instruction = Instruction()
    instruction.stop_run.CopyFrom(StopRun(run_id=run_id))
    return instruction
