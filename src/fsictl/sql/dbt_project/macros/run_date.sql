{# The run date, and the milliseconds since 1970 at which it begins and ends (UTC). #}

{% macro run_date() %}date '{{ var("run_date") }}'{% endmacro %}

{% macro day_start_ms() -%}
    {%- set day = modules.datetime.date.fromisoformat(var("run_date")) -%}
    {{- return((day - modules.datetime.date(1970, 1, 1)).days * 86400000) -}}
{%- endmacro %}

{% macro day_end_ms() %}{{ return(day_start_ms() + 86400000) }}{% endmacro %}

{# A mart is one partition a run date on BigQuery, and a run replaces that partition, also when it has no rows. #}
{% macro by_run_date() -%}
    {%- if target.type == 'bigquery' -%}
        {{- config(
            partition_by={'field': 'run_date', 'data_type': 'date'},
            partitions=["date '" ~ var('run_date') ~ "'"]
        ) -}}
    {%- endif -%}
{%- endmacro %}

{# Take away what an earlier run said of this run date; on BigQuery the partition is replaced instead. #}
{% macro forget_run_date() -%}
    {%- if execute and target.type != 'bigquery' and is_incremental() -%}
        delete from {{ this }} where run_date = {{ run_date() }}
    {%- endif -%}
{%- endmacro %}

{# Tell the runner how many rows each mart has of the run date. #}
{% macro report_rows(results) -%}
    {%- if execute -%}
        {%- for result in results
            if result.node.resource_type == 'model' and result.node.config.materialized == 'incremental'
            and result.status == 'success' -%}
            {%- set relation = api.Relation.create(
                database=result.node.database, schema=result.node.schema, identifier=result.node.alias
            ) -%}
            {%- set found = run_query(
                'select count(*) as n from ' ~ relation ~ ' where run_date = ' ~ run_date()
            ) -%}
            {%- do log(
                'fsictl-rows ' ~ tojson({'model': result.node.name, 'rows': found.columns[0].values()[0] | int}),
                info=true
            ) -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}
