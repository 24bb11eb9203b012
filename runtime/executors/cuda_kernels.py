"""The kernels of a plan, loaded onto a card."""

from __future__ import annotations

from collections.abc import Mapping
from ctypes import byref, c_void_p

from zcc.runtime.errors import CorruptArtifact, IncompatibleHost
from zcc.runtime.executors.cuda_context import Context
from zcc.runtime.executors.cuda_driver import NO_BINARY
from zcc.runtime.executors.cuda_program import Module
from zcc.runtime.executors.plan import Plan

DYNAMIC_SHARED = 8  # CUfunction_attribute
CARVEOUT = 9  # another: per cent of a multiprocessor's memory that is shared memory
ALL_SHARED = 100  # the same for all kernels, so that different ones run side by side
USUAL_SHARED = 48 << 10  # what a block gets without asking


class Kernels:
    """Handles of functions, by module and name; the modules go with the last reference."""

    def __init__(self, context: Context, plan: Plan, modules: Mapping[str, Module]) -> None:
        self._context = context
        check_architecture(context, plan)
        with context:
            self._loaded = {name: _load(context, name, modules[name]) for name in plan.modules}
            self.handles = {key: self._function(*key) for key in plan.kernels}
            for handle in self.handles.values():
                context.call("cuFuncSetAttribute", handle, CARVEOUT, ALL_SHARED)
            for launch in plan.launches:
                if launch.shared_bytes > USUAL_SHARED:
                    handle = self.handles[launch.module, launch.kernel]
                    context.call("cuFuncSetAttribute", handle, DYNAMIC_SHARED, launch.shared_bytes)

    def unload(self) -> None:
        """Give the modules back; no graph may use them any more."""
        with self._context:
            for module in self._loaded.values():
                self._context.call("cuModuleUnload", module)
        self._loaded.clear()

    def _function(self, module: str, name: str) -> c_void_p:
        handle = c_void_p()
        status = self._context.driver.raw["cuModuleGetFunction"](byref(handle), self._loaded[module], name.encode())
        if status:
            problem = f"the module {module} holds no kernel {name}"
            raise CorruptArtifact(problem, "compile the model again")
        return handle


def check_architecture(context: Context, plan: Plan) -> None:
    """Refuse a card that is older than what the plan was compiled for."""
    digits = plan.arch.removeprefix("sm_").rstrip("af")
    wanted = int(digits[:-1]), int(digits[-1])
    if context.capability < wanted:
        major, minor = context.capability
        raise IncompatibleHost(
            f"the kernels are for {plan.arch}, and {context.name} is sm_{major}{minor}",
            f"compile with --target cuda:sm_{major}{minor}",
        )


def _load(context: Context, name: str, module: Module) -> c_void_p:
    """The machine code, or what the driver makes of the PTX where that is for another card."""
    handle = c_void_p()
    status = context.driver.raw["cuModuleLoadData"](byref(handle), module.cubin)
    if status == NO_BINARY and module.ptx is not None:
        context.call("cuModuleLoadData", byref(handle), module.ptx)
    elif status:
        raise context.driver.error(status, f"loading {name}")
    return handle
