// Starts the console; everything else is in the WASM module.
import init from './baton_console.js';
init({ module_or_path: 'baton_console_bg.wasm' });
