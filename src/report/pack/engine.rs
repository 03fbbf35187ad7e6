//! Runs the pack's SQL over an extract with DataFusion.
//!
//! The extract's files are tables by their names. Beside them stand two small ones that no entry
//! of the period gives: `scope` says which period and law, `counted` what the bureau counted.

use std::path::Path;
use std::sync::Arc;

use datafusion::datasource::MemTable;
use datafusion::error::DataFusionError;
use datafusion::execution::context::SQLOptions;
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::prelude::{ParquetReadOptions, SessionConfig, SessionContext};

use super::catalogue::Report;
use super::grid::{Grid, GridError};
use crate::report::extract::{SchemaError, TableSchema};

/// Memory that queries may hold together, in bytes; beyond it they spill to disk.
const MEMORY_BYTES_MAX: usize = 512 << 20;

/// Threads that queries run on.
const THREADS: usize = 2;

/// Why a table could not be computed.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// A query failed.
    #[error("{table} cannot be computed: {source}")]
    Query {
        /// The table.
        table: String,
        /// Why.
        source: Box<DataFusionError>,
    },
    /// A query gave something that is no result table.
    #[error("{table} cannot be computed: {source}")]
    Grid {
        /// The table.
        table: String,
        /// Why.
        source: GridError,
    },
    /// The engine does not start.
    #[error("the query engine does not start: {0}")]
    Start(#[from] std::io::Error),
    /// A schema file of this build is wrong.
    #[error(transparent)]
    Schema(#[from] SchemaError),
}

/// The small tables that stand beside the extract's.
#[derive(Clone, Debug)]
pub struct Beside<'a> {
    /// `scope`: one row.
    pub scope: &'a Grid,
    /// `counted`: a row for each figure that the bureau counted.
    pub counted: &'a Grid,
}

/// Computes `reports`, in their order, over the extract in `dir`. Rows come in the order that the
/// SQL demands: it is total, so any engine gives the same.
///
/// # Errors
/// [`EngineError`] names the table.
pub fn run(dir: &Path, beside: &Beside<'_>, reports: &[Report]) -> Result<Vec<Grid>, EngineError> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(THREADS).enable_all().build()?;
    runtime.block_on(async {
        let context = context(dir, beside).await?;
        let mut grids = Vec::with_capacity(reports.len());
        for report in reports {
            grids.push(one(&context, report).await?);
        }
        Ok(grids)
    })
}

fn failed<'a>(table: &'a str) -> impl Fn(DataFusionError) -> EngineError + 'a {
    move |source| EngineError::Query { table: table.to_owned(), source: Box::new(source) }
}

async fn context(dir: &Path, beside: &Beside<'_>) -> Result<SessionContext, EngineError> {
    let config = SessionConfig::new()
        .with_target_partitions(THREADS)
        .set_bool("datafusion.execution.parquet.schema_force_view_types", false)
        .set_bool("datafusion.execution.parquet.pushdown_filters", false);
    let environment = RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(FairSpillPool::new(MEMORY_BYTES_MAX)))
        .build_arc()
        .map_err(failed("the engine"))?;
    let context = SessionContext::new_with_config_rt(config, environment);
    for table in TableSchema::all()? {
        let name = table.file.trim_end_matches(".parquet");
        let path = dir.join(&table.file);
        let path = path.to_string_lossy();
        context
            .register_parquet(name, path.as_ref(), ParquetReadOptions::default())
            .await
            .map_err(failed(name))?;
    }
    for (name, grid) in [("scope", beside.scope), ("counted", beside.counted)] {
        let batch = grid
            .to_batch()
            .map_err(|source| EngineError::Grid { table: name.to_owned(), source })?;
        let table = MemTable::try_new(batch.schema(), vec![vec![batch]]).map_err(failed(name))?;
        context.register_table(name, Arc::new(table)).map_err(failed(name))?;
    }
    Ok(context)
}

async fn one(context: &SessionContext, report: &Report) -> Result<Grid, EngineError> {
    // Queries only: a file that wrote or changed anything would not be a report.
    let options =
        SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    let frame = context.sql_with_options(report.sql, options).await;
    let frame = frame.map_err(failed(&report.name))?;
    let schema = frame.schema().as_arrow().clone();
    let batches = frame.collect().await.map_err(failed(&report.name))?;
    let grid = |source| EngineError::Grid { table: report.name.clone(), source };
    let found = Grid::from_batches(&schema, &batches).map_err(grid)?;
    let names = report.columns.iter().map(|column| &column.name);
    if !names.eq(found.columns.iter().map(|(name, _)| name)) {
        return Err(grid(GridError("its columns are not those of pack.toml".to_owned())));
    }
    Ok(found)
}
