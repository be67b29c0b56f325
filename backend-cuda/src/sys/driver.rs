//! What the driver gives, given back when it is dropped.

use std::ffi::{CString, c_void};
use std::sync::Mutex;

use cudarc::driver::{DriverError, result, sys};

use crate::error::CudaError;

/// An error of the driver's function `what`.
pub(crate) fn failed(what: &'static str) -> impl Fn(DriverError) -> CudaError {
    move |error| CudaError::call(what, error.0)
}

/// Name, compute capability (major) and memory in bytes of device 0, and the driver's version.
pub(crate) fn describe() -> Result<(String, i32, i32), DriverError> {
    let mut version = 0;
    // SAFETY: the pointer is to a live i32, which is all the function writes.
    unsafe { sys::cuDriverGetVersion(&mut version) }.result()?;
    let device = result::device::get(0)?;
    let name = result::device::get_name(device)?;
    let major = sys::CUdevice_attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR;
    // SAFETY: the device was just looked up.
    let major = unsafe { result::device::get_attribute(device, major) }?;
    Ok((name, major, version))
}

/// The primary context of a device.
#[derive(Debug)]
pub(crate) struct Context {
    device: sys::CUdevice,
    context: sys::CUcontext,
}

// SAFETY: the driver's contexts may be used from any thread that makes them current.
unsafe impl Send for Context {}
// SAFETY: as above; the driver locks what it must.
unsafe impl Sync for Context {}

impl Context {
    /// The context of device `ordinal`, current on this thread.
    pub(crate) fn new(ordinal: i32) -> Result<Self, CudaError> {
        result::init().map_err(failed("cuInit"))?;
        let device = result::device::get(ordinal).map_err(failed("cuDeviceGet"))?;
        // SAFETY: the device was just looked up; it is released once, on drop.
        let context = unsafe { result::primary_ctx::retain(device) };
        let context = context.map_err(failed("cuDevicePrimaryCtxRetain"))?;
        let context = Context { device, context };
        context.bind()?;
        Ok(context)
    }

    /// Makes it current on this thread.
    pub(crate) fn bind(&self) -> Result<(), CudaError> {
        // SAFETY: the context is retained as long as this value lives.
        unsafe { result::ctx::set_current(self.context) }.map_err(failed("cuCtxSetCurrent"))
    }

    /// Compute capability of the device, major and minor.
    pub(crate) fn capability(&self) -> Result<(i32, i32), CudaError> {
        use sys::CUdevice_attribute as Attribute;
        let of = |attribute| {
            // SAFETY: the device was looked up by `new`.
            unsafe { result::device::get_attribute(self.device, attribute) }
                .map_err(failed("cuDeviceGetAttribute"))
        };
        Ok((
            of(Attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR)?,
            of(Attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR)?,
        ))
    }

    /// Bytes of memory that are free, and all of them.
    pub(crate) fn memory(&self) -> Result<(usize, usize), CudaError> {
        self.bind()?;
        result::mem_get_info().map_err(failed("cuMemGetInfo"))
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: retained once by `new`. What fails on the way out cannot be helped.
        let _ = unsafe { result::primary_ctx::release(self.device) };
    }
}

/// Functions of a loaded PTX file. Dropped before the context.
#[derive(Debug)]
pub(crate) struct Module(sys::CUmodule);

/// A kernel of a [`Module`] that is still loaded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kernel(sys::CUfunction);

// SAFETY: handles of modules and functions may be used from any thread.
unsafe impl Send for Module {}
// SAFETY: as above.
unsafe impl Sync for Module {}
// SAFETY: as above.
unsafe impl Send for Kernel {}
// SAFETY: as above.
unsafe impl Sync for Kernel {}

impl Module {
    /// Compiles and loads a PTX text in the current context.
    pub(crate) fn load(ptx: &str) -> Result<Self, CudaError> {
        let text = CString::new(ptx).expect("PTX holds no zero byte");
        // SAFETY: the image is a text that ends with zero and lives until the call returns.
        let module = unsafe { result::module::load_data(text.as_ptr().cast::<c_void>()) };
        module.map(Module).map_err(failed("cuModuleLoadData"))
    }

    /// The kernel of this name.
    pub(crate) fn kernel(&self, name: &str) -> Result<Kernel, CudaError> {
        let name = CString::new(name).expect("a name holds no zero byte");
        // SAFETY: the module is loaded as long as this value lives.
        let kernel = unsafe { result::module::get_function(self.0, name) };
        kernel.map(Kernel).map_err(failed("cuModuleGetFunction"))
    }
}

impl Drop for Module {
    fn drop(&mut self) {
        // SAFETY: loaded once by `load`.
        let _ = unsafe { result::module::unload(self.0) };
    }
}

/// A stream: what is issued on it runs in order.
#[derive(Debug)]
pub(crate) struct Stream(sys::CUstream);

// SAFETY: streams may be used from any thread.
unsafe impl Send for Stream {}
// SAFETY: as above.
unsafe impl Sync for Stream {}

impl Stream {
    /// A stream of the current context.
    pub(crate) fn new() -> Result<Self, CudaError> {
        let stream = result::stream::create(result::stream::StreamKind::NonBlocking);
        stream.map(Stream).map_err(failed("cuStreamCreate"))
    }

    /// The driver's handle, for the libraries.
    pub(crate) fn raw(&self) -> sys::CUstream {
        self.0
    }

    /// Waits until all that was issued has run.
    pub(crate) fn finish(&self) -> Result<(), CudaError> {
        // SAFETY: the stream lives as long as this value.
        unsafe { result::stream::synchronize(self.0) }.map_err(failed("cuStreamSynchronize"))
    }

    /// Lets what is issued from now on wait for `event`.
    pub(crate) fn wait(&self, event: &Event) -> Result<(), CudaError> {
        let flags = sys::CUevent_wait_flags::CU_EVENT_WAIT_DEFAULT;
        // SAFETY: both live.
        unsafe { result::stream::wait_event(self.0, event.0, flags) }
            .map_err(failed("cuStreamWaitEvent"))
    }

    /// Launches a kernel on `blocks` blocks of `threads` threads.
    ///
    /// # Safety
    /// `parameters` point to values of the types the kernel takes, and what those point to is
    /// device memory of the sizes that the kernel touches, until it has run.
    pub(crate) unsafe fn launch(
        &self,
        kernel: Kernel,
        (blocks, threads): (u32, u32),
        parameters: &mut [*mut c_void],
    ) -> Result<(), CudaError> {
        let (grid, block) = ((blocks, 1, 1), (threads, 1, 1));
        // SAFETY: as the caller promises.
        unsafe { result::launch_kernel(kernel.0, grid, block, 0, self.0, parameters) }
            .map_err(failed("cuLaunchKernel"))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // SAFETY: created once by `new`.
        let _ = unsafe { result::stream::destroy(self.0) };
    }
}

/// A mark in a stream.
#[derive(Debug)]
pub(crate) struct Event(sys::CUevent);

// SAFETY: events may be used from any thread.
unsafe impl Send for Event {}
// SAFETY: as above.
unsafe impl Sync for Event {}

impl Event {
    /// Sets the mark behind what was issued on `stream`.
    fn record(&self, stream: &Stream) -> Result<(), CudaError> {
        // SAFETY: both live.
        unsafe { result::event::record(self.0, stream.0) }.map_err(failed("cuEventRecord"))
    }

    /// Waits until the mark is reached.
    pub(crate) fn finish(&self) -> Result<(), CudaError> {
        // SAFETY: the event lives.
        unsafe { result::event::synchronize(self.0) }.map_err(failed("cuEventSynchronize"))
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        // SAFETY: created once. A mark that somebody still waits for lives on in the driver.
        let _ = unsafe { result::event::destroy(self.0) };
    }
}

/// Events that can be used again: waits that were issued keep what they saw.
#[derive(Debug, Default)]
pub(crate) struct Events(Mutex<Vec<Event>>);

impl Events {
    /// An event that marks the end of `stream` as it is now.
    pub(crate) fn mark(&self, stream: &Stream) -> Result<Event, CudaError> {
        let used = self.0.lock().unwrap_or_else(|e| e.into_inner()).pop();
        let event = match used {
            Some(event) => event,
            None => {
                let flags = sys::CUevent_flags::CU_EVENT_DISABLE_TIMING;
                Event(result::event::create(flags).map_err(failed("cuEventCreate"))?)
            }
        };
        event.record(stream)?;
        Ok(event)
    }

    /// Takes an event back.
    pub(crate) fn give(&self, event: Event) {
        self.0.lock().unwrap_or_else(|e| e.into_inner()).push(event);
    }
}

/// A piece of device memory.
#[derive(Debug)]
pub(crate) struct Memory {
    address: u64,
}

impl Memory {
    /// `bytes` of the current context's device; `OutOfMemory` if there are not so many.
    pub(crate) fn new(bytes: usize) -> Result<Self, CudaError> {
        // SAFETY: freed once, on drop.
        match unsafe { result::malloc_sync(bytes) } {
            Ok(address) => Ok(Memory { address }),
            Err(DriverError(sys::CUresult::CUDA_ERROR_OUT_OF_MEMORY)) => {
                Err(CudaError::OutOfMemory { bytes })
            }
            Err(error) => Err(failed("cuMemAlloc")(error)),
        }
    }

    /// Where it is.
    pub(crate) fn address(&self) -> u64 {
        self.address
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: allocated once by `new`; the driver waits for what still uses it.
        let _ = unsafe { result::free_sync(self.address) };
    }
}
